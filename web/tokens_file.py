"""Tokens of a file that is followed: who is taken out of it is let in no more.

A file that is away or broken lets nobody in until it can be read again: to go on with what it held
would keep somebody in whom it no longer names.
"""

from pathlib import Path
from threading import Lock

from data.errors import BadInput
from serve.live.door.tokens import Token, Tokens, read_tokens


class TokensFile(Tokens):
    """Those that a file holds at the moment they are asked for.

    Args:
        file: of tokens, as `python -m serve token` writes it.

    Raises:
        BadInput: it cannot be read at the start.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._reading = Lock()
        self._seen = _mark(file)
        super().__init__(read_tokens(file))
        self._guards = bool(self._by_hash)

    def __bool__(self) -> bool:
        """Whether the file held any at the start: taking out the last opens nothing."""
        return self._guards

    def holder(self, authorization: bytes) -> Token | None:
        """Whose token a header bears, by the file as it is now."""
        self._follow()
        return super().holder(authorization)

    def given_out(self, sha256: str) -> Token | None:
        """The token with this hash, by the file as it is now."""
        self._follow()
        return super().given_out(sha256)

    def _follow(self) -> None:
        with self._reading:
            mark = _mark(self._file)
            if mark == self._seen:
                return
            try:
                self._by_hash = {token.sha256: token for token in read_tokens(self._file)}
            except BadInput as error:
                self._by_hash = {}
                print(f"nobody is let in until it is mended: {error}", flush=True)
            self._seen = mark


def _mark(file: Path) -> tuple[int, int, int] | None:
    """What changes when a file is written; None: there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
