"""What anybody may be shown of each title, whatever a page knows of them, now and for a while."""

from bandit.rules.effect import Touch
from serve.maps.layout import Layout
from serve.maps.takedown.instead import Instead
from serve.rules.layout_rules import LayoutRules


def for_anybody(rules: LayoutRules, layout: Layout, now_us: int) -> Instead:
    """Artwork that no rule forbids to anybody, of titles that rules may forbid some of.

    A prohibition counts whatever it asks for, and also where its time is still to come: what is
    said here holds until maps are made again. A licence counts where it holds for everybody now.

    Args:
        rules: that hold, without takedowns.
        layout: of these rules.
        now_us: microseconds since 1970-01-01 UTC.
    """
    book, found = rules.book, {}
    for slot, touching in book.touching.items():
        left = [touch for touch in touching if touch.rule.when(now_us) != "ended"]
        licences = [touch for touch in touching if touch.rule.effect == "allow"]
        gone = _ranks(left, "deny") | _ranks(licences, "allow")
        gone -= {
            rank
            for rule, ranks in licences
            if rule.in_time(now_us) and not rule.where
            for rank in ranks
        } - _ranks(left, "deny")
        capped = _ranks(left, "cap") - gone
        names = book.names(slot)
        free = [name for at, name in enumerate(names) if at not in gone | capped]
        if len(free) < len(names):
            title = str(layout.title_ids[slot])
            found[title] = (free, [names[rank] for rank in sorted(capped)])
    return Instead(now_us, found)


def _ranks(touching: list[Touch], effect: str) -> set[int]:
    """Ranks that rules of an effect are about."""
    return {rank for rule, ranks in touching if rule.effect == effect for rank in ranks}
