"""`python -m serve token`: give out a token for the live service."""

import secrets
from dataclasses import dataclass
from pathlib import Path

import yaml

from data.atomic_write import write_text_whole
from data.command_line.names import names
from serve.live.door.tokens import digest, read_tokens, token_of


@dataclass(frozen=True)
class NewToken:
    """Printed once: the file keeps its hash alone."""

    name: str
    token: str
    file: str
    scopes: tuple[str, ...]


def token(
    name: str,
    file: Path = Path("artifacts/tokens.yaml"),
    scopes: str = "read,write",
    rate: float | None = None,
) -> NewToken:
    """Make a token, print it once, and keep its hash in a file for `serve live --tokens`.

    A token of the same name is replaced. To end one, take its entry out of the file. The service
    reads the file when it starts.

    Args:
        name: who will hold it.
        file: of hashes.
        scopes: read (maps, scores, metrics, documentation, which rules there are), write (decide,
            events), rules (change rules), publish (on pages: make bundles live, stop ramps), or
            several, separated by commas.
        rate: requests a second that it may make of each process; no limit if not given.
    """
    chosen = names([scopes])
    secret = secrets.token_urlsafe(32)
    row = {"name": name, "sha256": digest(secret), "scopes": chosen, "rate": rate}
    made = token_of(row, file)
    others = [one for one in read_tokens(file) if one.name != name] if file.exists() else []
    rows = [
        {"name": one.name, "sha256": one.sha256, "scopes": list(one.scopes)}
        | ({} if one.rate is None else {"rate": one.rate})
        for one in [*others, made]
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text_whole(file, yaml.safe_dump(rows, sort_keys=False))
    file.chmod(0o600)
    return NewToken(name, secret, str(file), made.scopes)


def show(new: NewToken) -> None:
    """Print it."""
    print(new.token)
    print(f"its hash is in {new.file}; start the service with --tokens {new.file}")
