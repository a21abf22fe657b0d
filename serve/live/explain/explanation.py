"""Why a page shows this artwork of a title: the record that pages, programs and people get."""

from dataclasses import dataclass, field

from data.records import TitleId


@dataclass(frozen=True)
class ExplainedCandidate:
    """One artwork of the title, after rules."""

    artwork_id: str
    probability: float
    """That a draw made now shows it to this member on this page."""
    shown: bool
    allowed: bool
    """False: a rule forbids it here and now, or it is taken down."""
    floor: float
    cap: float
    """Bounds that rules put on its probability."""
    to_strangers: bool
    """Whether it is what members of whom nothing is known see."""


@dataclass(frozen=True)
class FactShare:
    """What one fact adds to the score of the shown artwork over the next, in logits."""

    fact: str
    value: str
    adds: float
    error: float
    """Standard error of `adds`; 0 where it is exact."""


@dataclass(frozen=True)
class Explanation:
    """Why a page shows this artwork: `nobody` and all `adds` sum to `difference`."""

    profile_id: str
    title_id: TitleId
    bundle: str
    policy: str
    epsilon: float
    shown: str
    """Artwork id."""
    source: str
    """live: drawn for this page; map: precompute drew it, and it goes on."""
    level: str
    decision_id: str
    propensity: float
    """The probability that it was drawn with, as it is logged."""
    next: str | None
    """Artwork that it is held against, the likeliest of the others; null: there is no other."""
    candidates: list[ExplainedCandidate]
    rules: list[str]
    """Ids of those that hold for this title and page."""
    difference: float
    """Score of the shown artwork less that of the next, in logits, the mean over heads."""
    nobody: float
    """The same for a member of whom nothing is known: what the artwork itself is worth."""
    facts: list[FactShare]
    """Those that add or take most first."""
    exact: bool
    """True: the score is linear in the facts, and each fact's part is a number of its own. False:
    facts work together; parts are Shapley's shares over sampled orders, which sum to the whole and
    have errors."""
    deviation: float
    """Of the difference over heads: what the model is unsure of."""
    heads_for: float
    """Share of the heads that prefer the shown artwork to the next."""
    drawn_from: str
    drawn_until: str
    """Days from and before which the draw stays, unless facts, rules or bundle change."""
    words: list[str] = field(default_factory=list)
    """The same in sentences."""
