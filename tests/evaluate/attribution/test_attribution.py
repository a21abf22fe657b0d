"""The recommendation's part and the artwork's, and what a change of artwork does."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from data.catalogue import Catalogue
from data.log.parquet import append_table
from data.records import EVENTS, EXAMPLES
from evaluate.attribution.attribution import attribute, score_parts
from evaluate.attribution.change_effects import change_effects, effects_of_days
from evaluate.attribution.shown_gain import shown_gain
from evaluate.policies.bundle_scores import BundleScores
from evaluate.policies.logged_examples import LoggedExamples
from serve.scoring.scorer import Scorer
from tests.export.world import ARTWORKS_TABLE, TITLES_TABLE, make_bundle, make_facts

START = datetime(2026, 1, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    root = tmp_path_factory.mktemp("catalogue")
    for path in ARTWORKS_TABLE["path"].to_pylist():
        (root / path).write_bytes(b"")
    embeddings = np.random.default_rng(1).standard_normal((len(ARTWORKS_TABLE), 16))
    np.save(root / "embeddings.npy", embeddings.astype(np.float32))
    return Catalogue(root, TITLES_TABLE, ARTWORKS_TABLE)


@pytest.fixture(scope="module")
def scored(catalogue, tmp_path_factory):
    scorer = Scorer(make_bundle(tmp_path_factory.mktemp("bundle"), encoder=False))
    found = scorer.artworks(catalogue.embeddings, catalogue.titles, catalogue.artworks)
    return BundleScores(scorer, found)


@pytest.fixture(scope="module")
def logged(catalogue):
    """Decisions with two to four candidates, each shown at random."""
    rng = np.random.default_rng(2)
    rows = []
    for number, facts in enumerate(make_facts(300, seed=3).to_pylist()):
        title = 10 + number % 5
        candidates = [f"{title}-{k}" for k in range(rng.integers(2, 5))]
        rows.append(
            {
                "decision_id": f"{number:032x}",
                "time": START,
                "profile_id": f"m{number % 40}",
                "title_id": title,
                "facts": facts,
                "candidates": candidates,
                "action": str(rng.choice(candidates)),
                "propensity": 1 / len(candidates),
                "policy": "uniform",
                "level": "personalised",
                "played": False,
                "minutes": 0.0,
                "reward": float(rng.random() < 0.3),
                "reward_name": "take",
            }
        )
    return LoggedExamples.of(pa.Table.from_pylist(rows, EXAMPLES), catalogue)


def truth_of(logged, takes):
    listed = [row[real].tolist() for row, real in zip(takes, logged.valid, strict=True)]
    return pa.table({"decision_id": logged.examples["decision_id"], "expected": listed})


def test_the_parts_add_up_to_the_score_and_artwork_is_apart_from_its_title(scored, logged):
    parts = score_parts(scored, logged)
    members = scored.members(logged.facts)
    heads = scored.scores(members, logged.rows).mean(1)
    appeals = scored.artworks.appeals[logged.rows]
    each = (members.appeals[:, None] * appeals).sum(2) * logged.valid
    appeal = (each.sum(1) / logged.valid.sum(1))[:, None]
    calibration = scored.scorer.manifest.calibration
    whole = (heads + appeal + calibration.bias) / calibration.temperature
    sums = parts.title[:, None] + parts.artwork
    np.testing.assert_allclose(sums[logged.valid], whole[logged.valid], atol=1e-4)
    np.testing.assert_allclose(parts.artwork.sum(1), 0, atol=1e-5)
    assert (parts.artwork[~logged.valid] == 0).all()


def test_a_bundle_that_knows_the_truth_agrees_with_it(scored, logged):
    takes = score_parts(scored, logged).takes
    found = attribute(scored, logged, truth_of(logged, takes), None)
    for agreement in (found.title_truth, found.artwork_truth):
        assert agreement is not None
        assert agreement.correlation == pytest.approx(1)
        assert agreement.slope == pytest.approx(1)
    assert found.true_artwork_gain == pytest.approx(found.artwork_gain)
    assert abs(found.artwork_gain) <= found.artwork_best_gain
    assert 0 < found.title_share < 1


def test_a_title_that_is_mistaken_leaves_the_artworks_part_right(scored, logged):
    takes = score_parts(scored, logged).takes
    noise = np.random.default_rng(4).normal(size=(len(takes), 1))
    found = attribute(scored, logged, truth_of(logged, takes + noise * logged.valid), None)
    assert found.title_truth is not None
    assert found.artwork_truth is not None
    assert found.artwork_truth.correlation == pytest.approx(1)
    assert found.title_truth.correlation < 0.5


def shown(log, days, take_if_changed, take_if_not, profiles=400, repeats=1, seed=0):
    """Profiles that see one title daily, under one of two artworks drawn anew or kept."""
    rng = np.random.default_rng(seed)
    events = []

    def event(kind, profile, time, decision, artwork, **said):
        events.append(
            {
                "schema_version": 1,
                "event_id": f"e{len(events)}",
                "kind": kind,
                "time": time,
                "received": time + timedelta(seconds=5),
                "decision_id": decision,
                "profile_id": profile,
                "title_id": 10,
                "artwork_id": artwork,
                **said,
            }
        )

    for number in range(profiles):
        profile, artwork, decision = f"m{number}", None, ""
        for day in range(days):
            new = f"10-{rng.integers(2)}"
            changed = artwork not in (None, new)
            if artwork != new:
                artwork, decision = new, f"d{number}-{day}"
            time = START + day * DAY
            for turn in range(repeats):
                event("impression", profile, time + turn * timedelta(minutes=1), decision, artwork)
            if rng.random() < (take_if_changed if changed else take_if_not):
                event("progress", profile, time + DAY / 4, decision, artwork, minutes=30.0)
            else:
                event("progress", profile, time + DAY / 4, decision, artwork, minutes=3.0)
    event("play", "nobody", START + (days + 3) * DAY, None, None)
    append_table(log, "events", pa.Table.from_pylist(events, EVENTS), "part")


@pytest.mark.parametrize(("changed", "stayed"), [(0.2, 0.4), (0.4, 0.2), (0.3, 0.3)])
def test_the_effect_of_change_is_found_within_its_interval(changed, stayed, catalogue, tmp_path):
    shown(tmp_path, 5, changed, stayed, repeats=3)
    found = change_effects(tmp_path, catalogue)
    for effect in (found.observed, found.within):
        assert effect is not None
        assert effect.low <= changed - stayed <= effect.high
        assert effect.high - effect.low < 0.15
    assert found.first_days == 400
    assert found.changed_days + found.stayed_days == 1600
    decisions = 400 + found.changed_days
    assert found.repeated_impressions == 3 * 2000 - decisions


def test_better_artwork_that_came_with_a_change_is_not_its_effect(catalogue, tmp_path):
    shown(tmp_path, 5, 0.4, 0.4)
    ids = {f"d{n}-{day}" for n in range(400) for day in range(5)}
    better = {name: 0.4 if name.endswith("-0") else 0.5 for name in ids}
    found = change_effects(tmp_path, catalogue, better)
    assert found.within is not None
    assert found.adjusted is not None
    assert found.within.low < 0 < found.within.high
    assert found.adjusted.difference < found.within.difference - 0.03


def test_a_log_without_changes_has_no_effect_to_tell(catalogue, tmp_path):
    shown(tmp_path, 1, 0.3, 0.3, profiles=5)
    found = change_effects(tmp_path, catalogue)
    assert (found.first_days, found.changed_days, found.stayed_days) == (5, 0, 0)
    assert found.observed is None
    assert found.within is None


def days_seen(rng, changes, effect=0.0, profiles=600, titles=6, exposures=6):
    """Days on which titles were seen again; `changes` gives P(change) of interest and exposure."""
    profile, title, exposure = (
        grid.ravel()
        for grid in np.meshgrid(*map(np.arange, (profiles, titles, exposures)), indexing="ij")
    )
    interest = rng.normal(0, 1, profiles)[profile]
    seen = exposure > 0
    changed = seen & (rng.random(len(profile)) < changes(interest, exposure))
    logit = -1 + 0.6 * interest + np.linspace(-0.5, 0.5, titles)[title] - 0.25 * exposure
    taken = rng.random(len(profile)) < 1 / (1 + np.exp(-logit)) + effect * changed
    return pa.table(
        {
            "profile_id": profile,
            "title_id": title,
            "decision_id": [f"d{n}" for n in range(len(profile))],
            "exposure": exposure + 1,
            "before": pa.array(np.where(seen, "a", None), pa.string()),
            "changed": changed,
            "impressions": np.ones(len(profile), int),
            "taken": taken,
        }
    )


@pytest.mark.parametrize("effect", [0.0, 0.05])
@pytest.mark.parametrize(
    "changes",
    [
        lambda interest, exposure: np.full(len(interest), 0.3),
        lambda interest, exposure: 0.1 * exposure,
        lambda interest, exposure: 1 / (1 + np.exp(1 - interest)),
    ],
    ids=["at random", "late", "for members with interest"],
)
def test_when_and_for_whom_artwork_changes_is_no_effect_of_change(changes, effect):
    found = effects_of_days(days_seen(np.random.default_rng(7), changes, effect))
    assert found.within is not None
    assert found.within.low <= effect <= found.within.high
    assert found.within.high - found.within.low < 0.04


def test_what_was_shown_over_an_even_draw_needs_no_right_model():
    """ε-greedy among two artworks of which one is taken twice as often; all models are wrong."""
    rng = np.random.default_rng(8)
    profile = np.repeat(np.arange(2000), 5)
    best = rng.random(len(profile)) < 0.8
    propensity = np.where(best, 0.8, 0.2)
    reward = (rng.random(len(profile)) < np.where(best, 0.4, 0.2)).astype(float)
    for wrong in (0.0, 0.7):
        modelled = np.full(len(profile), wrong)
        found = shown_gain(reward, 0.5 / propensity, modelled, modelled, profile)
        assert found is not None
        assert found.low <= 0.36 - 0.3 <= found.high
        assert found.high - found.low < 0.08
    nothing = np.zeros(0)
    assert shown_gain(nothing, nothing, nothing, nothing, nothing.astype(int)) is None


def test_the_headline_is_of_the_logs_own_draws(scored, logged):
    found = attribute(scored, logged, None, None)
    assert found.shown_gain is not None
    assert found.shown_gain.decisions == len(logged)
    assert found.shown_gain.low <= 0 <= found.shown_gain.high  # each was shown at random
