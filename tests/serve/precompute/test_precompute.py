import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from bandit.choice import choose, uniforms
from data.log import roll
from data.records import DECISIONS
from serve.maps.artwork_map import ArtworkMap
from serve.maps.layout import Layout
from serve.maps.lmdb_store import LmdbStore
from serve.precompute.member_block import Work
from serve.precompute.precompute import precompute_maps
from serve.precompute.sticky import Sticky
from serve.scoring.candidate_bank import Bank
from tests.serve.world import DAY, Members, make_facts, make_layout, make_policy, make_vectors

ALWAYS = Sticky(0, 0)


def run(
    store, log=None, *, layout=None, facts=None, bundle="bundle-1", day=DAY, workers=1, **options
):
    layout = layout or make_layout()
    given = {name: options.pop(name) for name in ("now", "progress") if name in options}
    options = {"block": 8, "members": Members()} | options
    bank = Bank.of(layout, make_vectors(layout))
    work = Work(bank=bank, layout=layout, policy=make_policy(bundle), day=day, log=log, **options)
    facts = make_facts(20) if facts is None else facts
    return precompute_maps(work, facts, store, workers=workers, **given)


def logged(log):
    roll(log)
    return ds.dataset(log / "decisions", format="parquet", partitioning=None).to_table()


def all_maps(store):
    return {profile: store.get(profile) for profile in store.profiles()}


def test_every_map_entry_is_a_logged_decision(store, tmp_path, layout):
    report = run(store, tmp_path)
    table = logged(tmp_path)
    assert report.decisions == len(table) == 20 * 12
    assert table.schema.names == DECISIONS.names
    assert len(set(table["decision_id"].to_pylist())) == len(table)
    by_id = {row["decision_id"]: row for row in table.to_pylist()}
    for profile, value in all_maps(store).items():
        read = Layout.from_bytes(store.get_shared("layout:" + layout.digest.hex()))
        for title, (artwork, name) in ArtworkMap.parse(value).decisions(profile, read).items():
            row = by_id[name]
            assert (row["profile_id"], row["title_id"], row["action"]) == (profile, title, artwork)


def test_a_logged_decision_can_be_replayed(lmdb_store, tmp_path):
    run(lmdb_store, tmp_path)
    for row in logged(tmp_path).to_pylist():
        chances = np.array(row["probabilities"])
        assert len(chances) == len(row["candidates"])
        assert chances.sum() == pytest.approx(1)
        drawn = uniforms(np.array([row["seed"]], np.uint64))
        at = int(choose(chances[None], drawn)[0])
        assert row["candidates"][at] == row["action"]
        assert chances[at] == row["propensity"]
        assert row["facts"]["device"] is None
        assert row["facts"]["country"] == "FR"


def test_processes_write_the_same_maps_and_rows(tmp_path):
    results = []
    for workers in (1, 2):
        store = LmdbStore(tmp_path / f"maps-{workers}", size=1 << 26)
        run(store, tmp_path / f"log-{workers}", workers=workers, now=lambda: 1e9)
        table = logged(tmp_path / f"log-{workers}").sort_by("decision_id")
        results.append((all_maps(store), table))
        store.close()
    assert results[0][0] == results[1][0]
    assert results[0][1].equals(results[1][1])


class StoppedError(Exception):
    pass


class Stopping(Members):
    """Fails at a block, as a process that is killed would."""

    def __init__(self, at):
        super().__init__()
        self.left = at

    def functionals_of(self, facts):
        if self.left == 0:
            raise StoppedError
        self.left -= 1
        return super().functionals_of(facts)


@pytest.mark.parametrize("at", [0, 1, 2])
def test_an_interrupted_run_goes_on_to_the_same_maps_and_rows(tmp_path, at):
    whole, halves = (LmdbStore(tmp_path / name, size=1 << 26) for name in ("whole", "halves"))
    run(whole, tmp_path / "log-whole", now=lambda: 1e9)
    with pytest.raises(StoppedError):
        run(halves, tmp_path / "log-halves", members=Stopping(at), now=lambda: 1e9)
    report = run(halves, tmp_path / "log-halves", now=lambda: 2e9)
    assert report.resumed_at == at
    assert all_maps(halves) == all_maps(whole)
    tables = [
        logged(tmp_path / name).sort_by("decision_id") for name in ("log-whole", "log-halves")
    ]
    assert tables[0].equals(tables[1])
    whole.close()
    halves.close()


def test_a_kept_choice_keeps_its_decision(lmdb_store, tmp_path, layout):
    run(lmdb_store, tmp_path / "first")
    first = all_maps(lmdb_store)
    report = run(
        lmdb_store, tmp_path / "next", bundle="bundle-2", day=DAY + 1, sticky=Sticky(0.2, 3)
    )
    assert (report.kept, report.decisions, report.artwork_changed) == (20 * 12, 0, 0)
    for profile, value in all_maps(lmdb_store).items():
        new, old = ArtworkMap.parse(value), ArtworkMap.parse(first[profile])
        assert new.decisions(profile, layout) == old.decisions(profile, layout)


def test_artwork_changes_when_the_policy_gains_enough(lmdb_store, tmp_path, layout):
    run(lmdb_store)
    before = all_maps(lmdb_store)
    sticky = Sticky(0.3, 2)
    report = run(lmdb_store, tmp_path, day=DAY + 2, sticky=sticky)
    table = logged(tmp_path)
    assert report.artwork_changed == report.decisions == len(table) > 0
    assert report.kept == 240 - len(table)
    was = {
        (profile, title): artwork
        for profile, value in before.items()
        for title, (artwork, _) in ArtworkMap.parse(value).decisions(profile, layout).items()
    }
    for row in table.to_pylist():
        old = was[row["profile_id"], row["title_id"]]
        chance = dict(zip(row["candidates"], row["probabilities"], strict=True))
        assert row["propensity"] - chance[old] >= sticky.threshold
        assert row["action"] != old


def test_a_withdrawn_artwork_is_replaced_at_once(lmdb_store, layout):
    run(lmdb_store)
    shown = [ArtworkMap.parse(value).choices for value in all_maps(lmdb_store).values()]
    gone = layout.artwork_ids[int(shown[0][7])]
    newer = make_layout(drop=(gone,))
    affected = sum(int(choices[7]) == int(shown[0][7]) for choices in shown)
    report = run(lmdb_store, layout=newer, day=DAY + 1, sticky=Sticky(1, 99))
    assert report.decisions == affected
    for profile, value in all_maps(lmdb_store).items():
        assert gone not in dict(ArtworkMap.parse(value).decisions(profile, newer).values())


def test_only_what_changed_is_redone(lmdb_store, layout):
    facts = make_facts(20)
    run(lmdb_store, facts=facts, sticky=ALWAYS)
    nothing = run(lmdb_store, facts=facts, sticky=ALWAYS, changed_only=True)
    assert (nothing.decisions, nothing.written, nothing.unchanged) == (0, 0, 20)

    other = facts["facts"].to_pylist()
    other[3]["tenure_days"] = 99.0
    changed = pa.table(
        {"profile_id": facts["profile_id"], "facts": pa.array(other, facts["facts"].type)}
    )
    one = run(lmdb_store, facts=changed, sticky=ALWAYS, changed_only=True)
    assert (one.decisions, one.written) == (12, 1)

    more = pa.concat_tables([changed, make_facts(2, first=50)])
    two = run(lmdb_store, facts=more, sticky=ALWAYS, changed_only=True)
    assert (two.decisions, two.written) == (24, 2)

    newer = make_layout(drop=(layout.artwork_ids[-1],))
    title = run(lmdb_store, facts=more, layout=newer, sticky=ALWAYS, changed_only=True)
    assert (title.decisions, title.written) == (22, 22)

    bundle = run(
        lmdb_store, facts=more, layout=newer, bundle="bundle-2", sticky=ALWAYS, changed_only=True
    )
    assert (bundle.decisions, bundle.written) == (22 * 12, 22)


def test_choices_of_more_than_32_runs_still_fit(lmdb_store, layout):
    sticky = Sticky(0.35, 0)
    for day in range(40):
        run(lmdb_store, facts=make_facts(4), day=DAY + day, sticky=sticky)
    for profile, value in all_maps(lmdb_store).items():
        assert len(ArtworkMap.parse(value).decisions(profile, layout)) == 12


@pytest.mark.parametrize("options", [{"threshold": 1.5}, {"threshold": -0.1}, {"min_days": -1}])
def test_a_sticky_rule_that_makes_no_sense_is_refused(options):
    with pytest.raises(ValueError, match="sticky"):
        Sticky(**options)
