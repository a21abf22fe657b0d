"""Pictures that people sent, written anew and kept for a while, by their content."""

import hashlib
import re
from collections import OrderedDict
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from data.atomic_write import whole_file
from data.errors import BadInput

KEPT, KEPT_BYTES = 400, 256 << 20
"""Pictures, and bytes of them; the oldest are dropped first."""
NAME = 120
"""Letters of a file's name that are kept."""


class Upload(NamedTuple):
    """A picture that was sent."""

    digest: str
    """Of its content: what addresses name it by."""
    name: str
    file: Path


class Uploads:
    """A folder of pictures by digest.

    Args:
        folder: made when the first comes; what it holds from before is found again, and is named by
            its digest alone.
        most: pictures that are kept.
    """

    def __init__(self, folder: Path, most: int = KEPT) -> None:
        self.folder, self.most = folder, most
        self._names: OrderedDict[str, str] = OrderedDict()
        self._lock = Lock()

    def keep(self, content: bytes, name: str) -> Upload:
        """Keep a file of ours; the same content twice is one."""
        digest = hashlib.sha256(content).hexdigest()[:32]
        with self._lock:
            self.folder.mkdir(parents=True, exist_ok=True)
            with whole_file(self._file(digest)) as made:
                made.write_bytes(content)
            self._names[digest] = name[:NAME]
            self._names.move_to_end(digest)
            while len(self._names) > self.most:
                self._names.popitem(last=False)
            self._drop_oldest()
        return self.of(digest)

    def of(self, digest: str) -> Upload:
        """A picture that was sent.

        Raises:
            BadInput: there is none of that digest any more.
        """
        if not re.fullmatch("[0-9a-f]{32}", digest) or not self._file(digest).is_file():
            raise BadInput("this image is not kept any more; send it again")
        return Upload(digest, self._names.get(digest, f"image {digest[:8]}"), self._file(digest))

    def _file(self, digest: str) -> Path:
        return self.folder / f"{digest}.webp"

    def _drop_oldest(self) -> None:
        files = sorted(self.folder.glob("*.webp"), key=lambda file: -file.stat().st_mtime_ns)
        total = 0
        for at, file in enumerate(files):
            total += file.stat().st_size
            if at >= self.most or (total > KEPT_BYTES and at):
                file.unlink(missing_ok=True)
