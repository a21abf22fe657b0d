"""Who may read and who may write: bearer tokens with scopes, of which only hashes are kept.

A token is 32 random bytes, so one SHA-256 is enough: there is nothing to guess. Stores of passwords
need slow hashes because people choose them.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import yaml

from data.errors import BadInput

Scope = Literal["read", "write", "rules", "publish"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
FILE_LIMIT = 1 << 20


@dataclass(frozen=True)
class Token:
    """One that was given out; the token itself is not here."""

    name: str
    sha256: str
    scopes: tuple[Scope, ...] = SCOPES
    rate: float | None = None
    """Requests a second that it may make of each process; None has no limit."""

    def __post_init__(self) -> None:
        if not self.name:
            raise BadInput("a token needs a name, so that it can be told who holds it")
        if len(self.sha256) != 64 or set(self.sha256) - set("0123456789abcdef"):
            raise BadInput(f"token {self.name}: sha256 must have 64 hexadecimal digits")
        if not self.scopes or set(self.scopes) - set(SCOPES):
            words = " and ".join(SCOPES)
            raise BadInput(f"token {self.name}: scopes {list(self.scopes)}: give some of {words}")
        if self.rate is not None and not 0 < self.rate < float("inf"):
            raise BadInput(f"token {self.name}: rate {self.rate}: give requests a second, above 0")

    @classmethod
    def of(cls, name: str, token: str) -> "Token":
        """One that may do everything."""
        return cls(name, digest(token))


def digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode(errors="surrogateescape")).hexdigest()


class Tokens:
    """Finds who sent a request."""

    def __init__(self, tokens: Iterable[Token]) -> None:
        self._by_hash = {token.sha256: token for token in tokens}

    def __bool__(self) -> bool:
        """Whether there are any; without, everything is open."""
        return bool(self._by_hash)

    def holder(self, authorization: bytes) -> Token | None:
        """Whose token an `Authorization` header bears; None if nobody's.

        The hash is looked up, not the token, so how long it takes tells nothing of it.
        """
        kind, _, token = authorization.partition(b" ")
        if kind.lower() != b"bearer":
            return None
        return self._by_hash.get(hashlib.sha256(token.strip()).hexdigest())

    def given_out(self, sha256: str) -> Token | None:
        """The token with this hash; None where there is none."""
        return self._by_hash.get(sha256)


def read_tokens(file: Path) -> list[Token]:
    """The tokens of a file, as `python -m serve token` writes it.

    Raises:
        BadInput: there is no such file, or it does not hold tokens.
    """
    try:
        if file.stat().st_size > FILE_LIMIT:
            raise BadInput(f"{file} has more than {FILE_LIMIT:,} bytes; tokens take far fewer")
        rows = yaml.safe_load(file.read_text()) or []
    except OSError as error:
        raise BadInput(
            f"the file of tokens {file} cannot be read ({error}); make it with `serve token`"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        raise BadInput(f"{file} is no YAML; make it with `python -m serve token`") from None
    if not isinstance(rows, list):
        raise BadInput(f"{file} must be a list of tokens: name, sha256, scopes, rate")
    tokens = [token_of(row, file) for row in rows]
    names = [token.name for token in tokens]
    for name in names:
        if names.count(name) > 1:
            raise BadInput(f"{file}: two tokens are called {name!r}; take one out")
    return tokens


def token_of(row: object, file: Path) -> Token:
    """A token as a file has it.

    Raises:
        BadInput: it is none.
    """
    if not isinstance(row, dict) or set(row) - set(Token.__dataclass_fields__):
        raise BadInput(f"{file}: {str(row)[:80]!r} is no token: give name, sha256, scopes, rate")
    name, sha256, scopes = row.get("name"), row.get("sha256"), row.get("scopes", SCOPES)
    rate = row.get("rate")
    numbers = rate is None or (isinstance(rate, int | float) and not isinstance(rate, bool))
    if not isinstance(name, str) or not isinstance(sha256, str) or not numbers:
        words = "name and sha256 are text, rate a number"
        raise BadInput(f"{file}: token {str(name)[:80]!r}: {words}")
    if not isinstance(scopes, list | tuple) or not all(isinstance(one, str) for one in scopes):
        raise BadInput(f"{file}: token {name[:80]!r}: scopes are a list of words")
    return Token(name, sha256, tuple(scopes), rate)
