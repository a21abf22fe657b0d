"""`python -m evaluate probation`: a step of every night that bounds what new artwork may cost."""

import math
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.table import Table

from data import clock
from data.catalogue import Catalogue
from data.errors import BadInput
from data.rules.as_json import RuleJson, rule_json
from data.rules.desk import RulesDesk
from data.rules.own_rules import keep_own
from evaluate.policies.read_examples import read_examples
from evaluate.probation.judge import judge
from evaluate.probation.terms import (
    ANYWHERE,
    WHO,
    OnProbation,
    ProbationTerms,
    Spending,
    probation_rules,
    spendings,
)


@dataclass(frozen=True)
class ProbationReport:
    """New artwork, what it may cost, and which rules were written."""

    artworks: list[OnProbation]
    spending: list[Spending]
    written: list[str]
    taken_out: list[str]
    left_out: dict[str, str] = field(default_factory=dict)
    """Rules that could not be written: why."""
    rules: int = 0
    """Rules of the system that there are now."""


# Each parameter is an option of the command.
def probation(
    log: Path,
    rules: Path,
    catalogue: Path = Path("artifacts/catalogue"),
    draws: int = ProbationTerms.draws,
    floor: float = ProbationTerms.floor,
    cap: float = ProbationTerms.cap,
    margin: float = ProbationTerms.margin,
    budget: list[str] | None = None,
    new_days: int = 28,
    since: str | None = None,
    day: str | None = None,
    dry: bool = False,
) -> ProbationReport:
    """Give new artwork a floor and a cap until it has its draws, and take out what costs too much.

    Run it every night behind the join: it writes rules of its own (`who: marquee`) beside those of
    people, and takes them out when their time is over. What people take out, end or change stays as
    they left it.

    Args:
        log: joined examples, or a log.
        rules: rules.yaml, which the service and precompute follow; it is made if there is none.
        catalogue: folder with titles.parquet and artworks.parquet.
        draws: that a new artwork has before the policy alone decides.
        floor: probability that each of its draws has at least until then.
        cap: probability that it has at most.
        margin: an artwork is taken out when it surely earns less than its title's best by more than
            this share of it.
        budget: takes that new artwork may cost a day at most, as home=20 for a surface, or 50 for
            all together; floors and caps shrink to keep to them.
        new_days: days from its first within which artwork is new.
        since: date from which on examples count.
        day: on which it is judged, as 2026-01-31; today if not given.
        dry: say what would change, and change nothing.
    """
    try:
        terms = ProbationTerms(draws, floor, cap, margin, budgets=_budgets(budget or []))
    except ValueError as error:
        raise BadInput(f"probation: {error}; see --help") from None
    try:
        when = clock.today() if day is None else date.fromisoformat(day)
    except ValueError:
        raise BadInput(f"--day {day!r} is no date; write it as 2026-01-31") from None
    shown = Catalogue.read(catalogue)
    examples = read_examples(log, shown, since=since)
    artworks = judge(examples, shown, terms, when, new_days)
    desk = RulesDesk.of_catalogue(rules, catalogue)
    wanted = probation_rules(artworks, terms)
    kept = keep_own(
        desk, WHO, [*wanted, *_stopped_before(desk, wanted)], "a night of probation", dry
    )
    return ProbationReport(
        artworks,
        list(spendings(artworks, terms).values()),
        [name for name, rule in kept.changed.items() if rule is not None],
        [name for name, rule in kept.changed.items() if rule is None],
        kept.left_out,
        kept.held,
    )


def _stopped_before(desk: RulesDesk, wanted: list[RuleJson]) -> list[RuleJson]:
    """Artwork that was stopped on other nights stays so: no draws could speak for it."""
    there = {rule["id"] for rule in wanted}
    its = (rule_json(one) for one in desk.listed().rules if one.rule.who == WHO)
    return [rule for rule in its if str(rule["id"]).startswith("stop-") and rule["id"] not in there]


def show(report: ProbationReport) -> None:
    """Print it for people."""
    console = Console()
    table = Table("artwork", "title", "draws", "earns more than the best", "state")
    for one in report.artworks:
        said = "nothing yet"
        if not math.isnan(one.difference):
            said = f"{one.difference:+.4f}\n{one.low:+.4f} … {one.high:+.4f}"
        table.add_row(one.artwork_id, str(one.title_id), str(one.draws), said, one.state)
    console.print(table)
    seen = sorted({name for one in report.artworks for name in one.daily if name})
    for spent in report.spending:
        where = spent.surface or "all surfaces"
        limit = "no budget" if spent.budget is None else f"of {spent.budget:g}"
        if seen and spent.surface and spent.surface not in seen:
            limit += f"; no such surface among recent draws, they are of {', '.join(seen)}"
        console.print(f"{where}: at most {spent.at_most:.2f} takes a day ({limit})")
    console.print(
        f"{len(report.written)} rules written, {len(report.taken_out)} taken out; the system has "
        f"{report.rules} now"
    )
    for name, why in report.left_out.items():
        console.print(f"not written: {name}: {why}", highlight=False)


def _budgets(given: list[str]) -> dict[str, float]:
    budgets: dict[str, float] = {}
    for text in given:
        surface, equals, takes = text.rpartition("=")
        try:
            budgets[surface if equals else ANYWHERE] = float(takes)
        except ValueError:
            raise ValueError(f"--budget {text}: write home=20, or 50 for all") from None
    return budgets
