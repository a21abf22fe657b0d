"""May a candidate replace what is live: by a gate's verdict, or by who its parent is."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Literal, Protocol

from data.bundle import Bundle
from data.errors import BadInput
from export.publish.store import Note, Store


class Verdict(Protocol):
    """What a gate says of a candidate."""

    @property
    def verdict(self) -> str:
        """passed, refused or undecided."""
        ...

    @property
    def reason(self) -> str:
        """Why, or why not."""
        ...

    @property
    def numbers(self) -> Mapping[str, object]:
        """What the verdict rests on."""
        ...


Gate = Callable[[Path, Path | None, Path | None], Verdict]
"""Folders of the candidate, of the live bundle and of the anchor, None where there is none →
verdict."""
Undecided = Literal["keep", "publish"]
"""What becomes of a bundle of which the log cannot tell: the live one stays, or it goes live."""
UNTOLD = "; the live bundle stays: --undecided publish (--publish.undecided of train.py) says not"
"""Said where it stays since the log cannot tell."""


def judge_candidate(
    candidate: Bundle,
    place: Store,
    live: str | None,
    gate: Gate | None,
    force: bool,
    undecided: Undecided,
) -> tuple[bool, str, Note | None]:
    """Whether the candidate may replace the live bundle, why, and the gate's verdict.

    A live bundle that is broken can be compared with nobody: then a gate judges as if nothing were
    live, as it does by itself where what is live is of another catalogue.
    """
    trouble = "" if live is None else fault_of(place, live)
    broken = f"the live bundle is broken: {trouble}"
    if gate is None:
        parent = candidate.manifest.parent
        if live is None or trouble:
            return True, broken if trouble else "nothing was live", None
        if parent == live:
            return True, "its parent was live", None
        return False, f"its parent is {parent}, but {live} is live: compare them first", None
    standing = None if trouble else live
    try:
        anchor = _whole_anchor(place, standing)
        with _at_hand(place, standing) as folder, _at_hand(place, anchor) as floor:
            verdict = gate(candidate.root, folder, floor)
    except BadInput as error:
        if not force:
            raise
        return False, f"the gate could not judge: {error}", None
    grounds = {"numbers": verdict.numbers, "live": live, "anchor": anchor}
    note = {"verdict": verdict.verdict, "reason": verdict.reason, **grounds}
    may, remedy = verdict.verdict == "passed", ""
    if verdict.verdict == "undecided":
        of_others = "nothing_live" in verdict.numbers  # what is live is of another catalogue
        may = standing is None or of_others or undecided == "publish"
        remedy = "" if may else UNTOLD
    return may, (f"{broken}; " if trouble else "") + verdict.reason + remedy, note


def _whole_anchor(place: Store, standing: str | None) -> str | None:
    """The anchor; none where it is broken and so is the live bundle.

    Raises:
        BadInput: it alone is broken. A floor does not vanish without a word.
    """
    anchor = place.anchor()
    fault = "" if anchor is None else fault_of(place, anchor)
    if fault and standing is not None:
        raise BadInput(
            f"the anchor {anchor} is broken ({fault}); `python -m export anchor --bundle ID` makes"
            " another the anchor"
        )
    return None if fault else anchor


def _at_hand(place: Store, bundle_id: str | None) -> AbstractContextManager[Path | None]:
    """A bundle's folder for a while; nothing of none."""
    return nullcontext() if bundle_id is None else place.at_hand(bundle_id)


def fault_of(place: Store, bundle_id: str) -> str:
    """What is wrong with a bundle of a store; empty if nothing."""
    try:
        with place.at_hand(bundle_id) as folder:
            found = Bundle.open(folder).bundle_id
    except BadInput as error:
        return str(error)
    return "" if found == bundle_id else f"it holds the bundle {found}; publish it again"
