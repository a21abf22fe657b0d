"""What a file system of fsspec answers, whatever package stands behind it.

Each package has failures of its own: of aiohttp, of botocore, of the sockets below. A caller knows
three: what is not there, what is there already, and a store that does not answer.
"""

import errno
from typing import Any

from data.command_line.local_path import without_password
from data.errors import BadInput, Unavailable

TIMES = {"connect_timeout": 5, "read_timeout": 10, "retries": {"total_max_attempts": 1}}
"""Of botocore, in seconds: with its own and s3fs' tries it would wait for minutes."""
TRIES = 2
Answer = Any
"""Of a file system of fsspec, which has no types."""
NO_PLACE = "give a folder, or a URL that fsspec knows, with the package that it asks for installed"
CONFLICT = ("PreconditionFailed", "ConditionalRequestConflict")
"""What S3 says where a file that was to be new is there, or is being made by another."""


class Files:
    """The files under a URL; each question is answered, or fails in one of three ways.

    Args:
        url: `s3://bucket/path`, `gs://…`, `memory://…`.

    Raises:
        BadInput: fsspec knows no such protocol, or lacks a package or more words for it.
        Unavailable: the store does not answer.
    """

    def __init__(self, url: str) -> None:
        import fsspec
        from fsspec.config import conf

        self.where = without_password(url)
        protocol = url.partition("://")[0]
        options: dict[str, object] = {"use_listings_cache": False}
        if protocol in ("s3", "s3a") and "config_kwargs" not in conf.get("s3", {}):
            options["config_kwargs"] = TIMES
        try:
            self._fs, root = fsspec.url_to_fs(url, **options)
        except OSError as error:  # of those that connect at once
            raise Unavailable(f"the store {self.where} does not answer: {error}") from error
        except Exception as error:  # of whatever package: it wants what no URL of its says
            why = str(error).partition("\n")[0]
            raise BadInput(f"{self.where} is no place for bundles ({why}); {NO_PLACE}") from None
        if "config_kwargs" in options:
            self._fs.retries = TRIES  # s3fs has no option for it
        self.root = root.rstrip("/")
        # Others have conditions too, but fsspec passes none on to them.
        self._conditional = protocol in ("s3", "s3a")

    def path(self, *names: str) -> str:
        """Of a file under the URL."""
        return "/".join((self.root, *names))

    def ask(self, method: str, *arguments: object, **options: object) -> Answer:
        """Call a method of the file system.

        Raises:
            FileNotFoundError: there is no such file.
            FileExistsError: there is one already, of those that were to be new.
            Unavailable: the store does not answer, or says no.
        """
        try:
            return getattr(self._fs, method)(*arguments, **options)
        except (FileNotFoundError, FileExistsError):
            raise
        except Exception as error:  # of whatever package, at whatever moment
            said = f"{error} {error.__cause__ or ''}"
            if getattr(error, "errno", None) == errno.EEXIST or any(w in said for w in CONFLICT):
                raise FileExistsError(str(arguments[0])) from error
            words = str(error).strip().partition("\n")[0] or "no word"
            raise Unavailable(
                f"the store {self.where} does not answer as it should: "
                f"{type(error).__name__}: {words:.300}"
            ) from error

    def read(self, *names: str) -> bytes | None:
        """A file's content; None: there is none."""
        try:
            return self.ask("cat_file", self.path(*names))
        except FileNotFoundError:
            return None

    def write(self, content: bytes, *names: str) -> None:
        """Write a file in one step, in place of what was there."""
        self.ask("pipe_file", self.path(*names), content)

    def condition(self, *names: str) -> dict[str, str]:
        """Options by which `replace` finds a file as it is now; empty: the store knows none."""
        if not self._conditional:
            return {}
        try:
            return {"IfMatch": self.ask("info", self.path(*names), refresh=True)["ETag"]}
        except FileNotFoundError:
            return {"IfNoneMatch": "*"}

    def replace(self, content: bytes, condition: dict[str, str], *names: str) -> None:
        """Write a small file in one step, if what is there is still what it was.

        Args:
            content: of the file.
            condition: what `condition` gave.
            names: of the file.

        Raises:
            FileExistsError: it is another by now.
            Unavailable: the store does not answer.
        """
        try:
            self.ask("pipe_file", self.path(*names), content, **condition)
        except FileExistsError:
            # An answer may be lost and the question asked again: then it is ours that is there.
            if self.read(*names) != content:
                raise
        except Unavailable as error:
            if not condition or "NotImplemented" not in str(error):
                raise
            self.write(content, *names)  # the lock alone keeps publishers apart there
