"""An explanation in sentences that somebody can read aloud to whoever asked."""

from collections.abc import Sequence

from serve.live.explain.explanation import Explanation, FactShare

TOLD = 3
"""Facts that are named for, and as many against."""
LEAST = 0.005
"""Logits that are worth a word."""
STRONGLY, CLEARLY = 0.5, 0.1
"""Logits from which a fact counts so."""
NAMES = {
    "tenure_days": "days as a member",
    "watched_genres": "watched",
    "watched_cast": "often watched",
    "day_part": "time of day",
    "row": "row of the page",
    "column": "column of the page",
}
SURE, UNSURE = 0.9, 0.6


def spoken(made: Explanation) -> list[str]:
    """What an explanation says, a sentence or two an entry."""
    said = [_shown(made), *_ruled(made)]
    if made.next is None:
        return [*said, "There is no other artwork that may be shown, so no fact plays a part."]
    said += _likely(made)
    if made.level == "pinned":
        return said
    said += _moved(made)
    said.append(_sure(made))
    return said


def _shown(made: Explanation) -> str:
    source = "drawn ahead, for the member's map" if made.source == "map" else "drawn for this page"
    chance = f"with a probability of {made.propensity:.1%}"
    if made.level == "pinned":
        return f"Title {made.title_id} shows artwork {made.shown}, because a rule says always to."
    return (
        f"Title {made.title_id} shows {made.profile_id} the artwork {made.shown}. It was {source} "
        f"{chance}, from {made.drawn_from} on, and stays until {made.drawn_until} unless what is "
        "known of the member, the rules or the model change."
    )


def _ruled(made: Explanation) -> list[str]:
    said = []
    if made.rules:
        one = "Rule" if len(made.rules) == 1 else "Rules"
        holds = "holds" if len(made.rules) == 1 else "hold"
        said.append(f"{one} {_listed(made.rules)} {holds} for this title on this page.")
    if kept := [one.artwork_id for one in made.candidates if not one.allowed]:
        said.append(f"Rules keep {_listed(kept)} from being shown.")
    bounded = [one for one in made.candidates if one.allowed and (one.floor, one.cap) != (0, 1)]
    said += [
        f"Rules keep the probability of {one.artwork_id} between {one.floor:.0%} and {one.cap:.0%}."
        for one in bounded
    ]
    return said


def _likely(made: Explanation) -> list[str]:
    if made.level == "pinned":
        return []
    chances = {one.artwork_id: one.probability for one in made.candidates}
    now = chances[made.shown]
    drawn = "" if abs(now - made.propensity) < 0.0005 else f"Drawn now it would be {now:.1%}. "
    rank = sum(chance > now for chance in chances.values()) + 1
    place = "the likeliest" if rank == 1 else f"number {rank} by likelihood"
    return [
        f"{drawn}Of {len(chances)} artworks it is {place}; the artwork that it is held against "
        f"here, {made.next}, has {chances[str(made.next)]:.1%}."
    ]


def _moved(made: Explanation) -> list[str]:
    more = [one for one in made.facts if one.adds >= LEAST][:TOLD]
    less = [one for one in made.facts if one.adds <= -LEAST][:TOLD]
    said = []
    if more:
        said.append(f"What speaks for it: {_facts(more)}.")
    if less:
        said.append(f"What speaks for {made.next} instead: {_facts(less)}.")
    if not more and not less:
        said.append("Nothing that is known of the member makes a difference between the two.")
    towards = made.shown if made.nobody > 0 else made.next
    if abs(made.nobody) >= LEAST:
        said.append(
            f"For somebody of whom nothing is known the model leans {_much(made.nobody)}towards "
            f"{towards}."
        )
    if not made.exact:
        said.append("Facts work together in this model, so each part is a fair share of the whole.")
    return said


def _sure(made: Explanation) -> str:
    share, other = made.heads_for, made.next
    if share >= SURE:
        doubt = "The model is sure of this order"
    elif share >= UNSURE:
        doubt = "The model leans this way, and is not sure"
    elif share > 1 - UNSURE:
        doubt = "The model can hardly tell the two apart; it shows both to learn which is better"
    else:
        doubt = f"The model would rather show {other}; this one is shown to learn more about it"
    return f"{doubt}: {share:.0%} of its opinions prefer {made.shown}."


def _facts(shares: Sequence[FactShare]) -> str:
    return ", ".join(f"{_fact(one)} ({_much(one.adds).strip() or 'slightly'})" for one in shares)


def _fact(share: FactShare) -> str:
    name = NAMES.get(share.fact, share.fact.replace("_", " "))
    if share.fact == "watched_genres" and not share.value:
        return "how much they watched"
    if share.fact == "tenure_days":
        return f"{share.value} {name}"
    return f"{name} {share.value}".strip()


def _much(logits: float) -> str:
    size = abs(logits)
    return "strongly " if size >= STRONGLY else "clearly " if size >= CLEARLY else ""


def _listed(names: Sequence[str]) -> str:
    """Names as a sentence has them."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
