"""`python -m evaluate explain MEMBER --title TITLE`: why they see this artwork."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import cast

from bandit.draws import EPOCH_DAYS_MAX, Epochs
from data import clock
from data.catalogue import Catalogue
from data.check.known import title_named
from data.days import DAY_US, date_of, moment_us
from data.errors import BadInput
from data.privacy.pseudonym import Pseudonyms
from data.schema.named_value import named_value
from evaluate.explain.shown_before import ShownSince, shown_before
from serve.live.explain.explained import ShownDraw
from serve.live.explain.explained import explain as explain_page
from serve.live.explain.explanation import Explanation
from serve.live.load_model import load_live
from serve.live.page_request import PageRequest
from serve.live.request_facts import folded
from serve.live.shown.follow_rules import RulesFile
from serve.live.snapshot import LiveModel
from serve.maps.map_reader import MapReader
from serve.maps.open_store import open_map_store
from serve.precompute.profiles import readable_profiles


@dataclass(frozen=True)
class ToldExplanation:
    """Why, and what was shown before."""

    explanation: Explanation
    before: list[ShownSince]
    """What the log says was shown, the newest first; empty without a log, or where it has none."""


# Each parameter is an option of the command.
def explain(
    member: str,
    title: str,
    bundle: Path = Path("artifacts/bundles/current"),
    catalogue: Path = Path("artifacts/catalogue"),
    profiles: Path | None = None,
    store: str | None = None,
    rules: Path | None = None,
    log: Path | None = None,
    facts: list[str] | None = None,
    at: str | None = None,
    cache: Path = Path("artifacts/cache"),
    epoch_days: int = Epochs.days,
    foreign: bool = False,
) -> ToldExplanation:
    """Say why a member sees this artwork of a title, in words that can be read aloud.

    What is shown is decided as the live service decides it, and not logged: probabilities of all
    candidates after rules, what each fact adds to the score of this artwork over the next, how sure
    the model is, which rules hold. Where the score is linear in the facts, as that of bundles with
    hierarchical heads is, parts are exact and add up; of other heads they are shares, with errors.

    Args:
        member: Profile id.
        title: Title id.
        bundle: Folder of the bundle that decides.
        catalogue: Folder with titles.parquet, artworks.parquet and images.
        profiles: Parquet file or folder with what is known of members.
        store: Artwork maps: a draw of the member's map that still lasts is what they see.
        rules: rules.yaml.
        log: Folder of decisions as Parquet, as `python -m data roll` writes it: what was shown
            before, and since when.
        facts: Of the page, with spaces between, as country=DE device=tv; those of the profile are
            known besides.
        at: Moment, ISO 8601 with a zone; now when left out.
        cache: Folder of decoded images.
        epoch_days: Days that a live draw lasts.
        foreign: Let a bundle decide that was trained on another catalogue.
    """
    if not 1 <= epoch_days <= EPOCH_DAYS_MAX:
        raise BadInput(f"--epoch-days {epoch_days}: give whole days, 1 to {EPOCH_DAYS_MAX}")
    now_us = clock.now_us() if at is None else _moment(at)
    day, names = now_us // DAY_US, Pseudonyms.from_environment()
    shown = Catalogue.read(catalogue)
    wanted = title_named(shown, title)
    model = load_live(bundle, catalogue, cache, date_of(day), "", epoch_days, foreign=foreign)
    if rules is not None:
        model = RulesFile(rules, catalogue).begun(model)
    known = _known(profiles, names.of(member), names)
    known |= _facts(facts or [], model)
    page = PageRequest(names.of(member), [wanted], day, 0, known)
    try:
        made = explain_page(model, page, now_us, _mapped(store, model, page))
    except ValueError as error:
        raise BadInput(str(error)) from None
    before = [] if log is None else shown_before(log, page.profile_id, wanted)
    return ToldExplanation(made, before)


def show(told: ToldExplanation) -> None:
    """Print an explanation for people."""
    made = told.explanation
    print("\n".join(made.words))
    print("\nartwork, probability")
    for one in made.candidates:
        marks = [("shown", one.shown), ("next", one.artwork_id == made.next)]
        marks += [("not allowed by rules", not one.allowed), ("to strangers", one.to_strangers)]
        words = ", ".join(word for word, holds in marks if holds)
        print(f"  {one.probability:7.1%}  {one.artwork_id}{f'  ({words})' if words else ''}")
    if made.next is not None:
        print(f"\nlogits for {made.shown} against {made.next}")
        for share in made.facts:
            error = "" if made.exact else f" ± {share.error:.3f}"
            name = "how much" if share.fact == "watched_genres" and not share.value else share.value
            print(f"  {share.adds:+.3f}{error}  {share.fact} {name}")
        print(f"  {made.nobody:+.3f}  for somebody of whom nothing is known")
        print(f"  {made.difference:+.3f}  together; the heads' deviation is {made.deviation:.3f}")
    for at, one in enumerate(told.before):
        word = "shown since" if not at else "before that, from"
        by = f"bundle {one.bundle}" if one.bundle else "of no bundle"
        print(f"{word} {one.since}: {one.artwork_id}, {by}, {one.propensity:.1%}")


def _known(profiles: Path | None, name: str, names: Pseudonyms) -> dict[str, object]:
    """What is known of a member, as a page would say it.

    Raises:
        BadInput: the file cannot be read, or does not name the member.
    """
    if profiles is None:
        return {}
    found = readable_profiles(profiles, names)
    if name in found.opted_out:
        raise BadInput(f"{name!r:.80} opted out: they are shown what everybody is shown")
    rows = found.members["profile_id"].to_pylist()
    if name not in rows:
        raise BadInput(f"profiles {profiles}: no member {name!r:.80} among {len(rows):,}")
    return known_of(found.members["facts"][rows.index(name)].as_py() or {})


def known_of(facts: Mapping[str, object]) -> dict[str, object]:
    """Facts of a row of FACTS as a page says them, those that are not known left out."""
    known = {key: value for key, value in facts.items() if value is not None}
    if "own" in known:
        known["own"] = dict(cast("list[tuple[str, object]]", known["own"]))
    return known


def _facts(given: list[str], model: LiveModel) -> dict[str, object]:
    """Facts of a page as options have them.

    Raises:
        BadInput: no NAME=VALUE, or of no fact that there is.
    """
    facts: dict[str, object] = {}
    for text in given:
        name, value = named_value(text)
        fact = model.declared.facts.get(name)
        number = name in ("row", "column", "tenure_days") or (fact and fact.kind == "number")
        try:
            facts[name] = (float(value) if "." in value else int(value)) if number else value
        except ValueError:
            raise BadInput(f"--facts {text}: {name} is a number") from None
    try:
        return dict(folded(facts, model.declared)[0])
    except ValueError as error:
        raise BadInput(f"--facts: {error}") from None


def _mapped(store: str | None, model: LiveModel, page: PageRequest) -> ShownDraw | None:
    """The draw of the member's map that still lasts."""
    if store is None:
        return None
    opened = open_map_store(store, readonly=True)
    try:
        found = MapReader(opened, model.layout, model.words).draws(
            page.profile_id, page.day, page.title_ids
        )
    finally:
        opened.close()
    draws = None if found is None else found[1]
    if draws is None or not len(draws.slots) or not draws.open[0]:
        return None
    artwork = model.layout.artwork_ids[int(draws.ordinals[0])]
    return ShownDraw(artwork, draws.ids[0], float(draws.propensities[0]), "personalised")


def _moment(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadInput(f"--at {text}: write a moment and its zone, as 2026-04-01T00:00+02:00")
    return moment_us(moment)
