"""What other policies would show a member of a title, beside what was drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data.records import TitleId
from web.view.catalogue_view import CatalogueView
from web.view.home_preview import decide
from web.view.logged import Logged
from web.view.members import Member

FEWEST_DRAWS = 30
"""Of an artwork, for the log to say how it did."""


@dataclass(frozen=True)
class OtherChoice:
    """What one policy would show."""

    policy: str
    words: str
    artwork_id: str
    shown: bool
    """Whether it is what was drawn."""


def other_choices(
    view: CatalogueView, member: Member, title: TitleId, shown: str, examples: Path | None
) -> list[OtherChoice]:
    """Choices of other policies, those that need nothing of the member last.

    Args:
        view: of what is published.
        member: who looks.
        title: at which title.
        shown: artwork that was drawn.
        examples: joined examples; None: what earned most is not known.
    """
    model = view.model
    layout, slot = model.layout, model.slot_of[title]
    greedy = decide(view, member, [title], view.greedy)
    found = [
        (
            "greedy",
            "the best by the mean of the heads, explored with nothing",
            layout.artwork_ids[greedy.ordinals[0]],
        )
    ]
    strangers = model.fallback[title]
    if strangers.level == "unpersonalised":
        words = "one for all: what the model expects most of over all members"
        found.append(("unpersonalised", words, strangers.artwork_id))
    if best := _most_taken(layout.candidates(slot), Logged.read(examples, [title])):
        found.append(("most popular", *best))
    default = layout.artwork_ids[int(layout.defaults[slot])]
    found.append(("default", "the catalogue's own, where nothing else can be decided", default))
    return [OtherChoice(policy, words, one, one == shown) for policy, words, one in found]


def _most_taken(candidates: Sequence[str], logged: Logged) -> tuple[str, str] | None:
    """Words and the candidate that earned most a draw, of those drawn often enough."""
    known = {name: logged.of(name) for name in candidates}
    often = {name: about for name, about in known.items() if about[0] >= FEWEST_DRAWS}
    if not often:
        return None
    best = max(often, key=lambda name: often[name][1])
    draws, reward, *_ = often[best]
    return f"one for all: it earned most in the log, {reward:.4f} a draw of {draws:,}", best
