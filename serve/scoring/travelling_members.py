"""Members' model on its way to machines that share no folder with this one."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from data.errors import BadInput
from serve.scoring.bundle_members import BundleMembers
from serve.scoring.member_model import MemberFunctionals, MemberModel

LARGEST_BUNDLE = 1 << 30
"""Bytes that travel: each machine holds them in memory."""


class TravellingMembers:
    """A bundle's `MemberModel` that travels with the bundle's files.

    Args:
        members: of a bundle on this machine.

    Raises:
        BadInput: the bundle is larger than travels.
    """

    def __init__(self, members: BundleMembers) -> None:
        self.members = members
        root = members.scorer.root
        files = [file for file in sorted(root.rglob("*")) if file.is_file()]
        size = sum(file.stat().st_size for file in files)
        if size > LARGEST_BUNDLE:
            raise BadInput(
                f"bundle {root} has {size:,} bytes, and {LARGEST_BUNDLE:,} travel to executors at"
                " most; decide on this machine"
            )
        self._files = tuple((str(file.relative_to(root)), file.read_bytes()) for file in files)

    def functionals_of(self, facts: pa.StructArray) -> MemberFunctionals:
        """See `MemberModel`."""
        return self.members.functionals_of(facts)

    def __reduce__(self) -> tuple[object, tuple[object]]:
        return _arrived, (self._files,)


def travelling(members: MemberModel) -> MemberModel:
    """A model that needs none of this machine's folders."""
    return TravellingMembers(members) if isinstance(members, BundleMembers) else members


def _arrived(files: tuple[tuple[str, bytes], ...]) -> BundleMembers:
    """Opened where it arrives; a bundle whose bytes are wrong is refused when it is opened."""
    with TemporaryDirectory(prefix="marquee-bundle-") as folder:
        for name, body in files:
            file = Path(folder) / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(body)
        return BundleMembers.open(Path(folder))
