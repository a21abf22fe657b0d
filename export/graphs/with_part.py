"""A copy of a bundle with one more part, learnt for that very bundle."""

import shutil
from collections.abc import Callable
from pathlib import Path

from data.bundle import Bundle
from export.graphs.manifest import seal
from export.publish.staging import staging


def with_part(
    held: Bundle, name: str, write: Callable[[Path], None], root: Path, parent: str | None = None
) -> Path:
    """A bundle with a part, in place of its own of that name if it has one.

    Args:
        held: the bundle.
        name: of the part's file.
        write: writes the part to a file.
        root: folder of bundles.
        parent: of the copy; the bundle's own if None.
    """
    own = {key: value for key, value in held.manifest.written.items() if key != "bundle_id"}
    own |= {"parent": parent} if parent is not None else {}
    with staging(root) as part:
        for file in held.manifest.files:
            if file != name:
                shutil.copyfile(held.root / file, part / file)
        write(part / name)
        return seal(part, root, own)


def replaced_with(bundle: Path, name: str, write: Callable[[Path], None]) -> Path:
    """A bundle that nobody has seen yet, with a part: the one without goes."""
    folder = with_part(Bundle.open(bundle), name, write, bundle.parent)
    shutil.rmtree(bundle)
    return folder
