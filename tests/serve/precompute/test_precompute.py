import shutil

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pytest
import redis

from bandit.choice import choose, profile_keys, uniforms
from bandit.draws import Epochs, epoch_numbers
from data.log import roll
from data.log.precompute_runs import FolderRuns
from data.records import DECISIONS, FACTS
from serve.maps.artwork_map import ArtworkMap
from serve.maps.current import read_current
from serve.maps.lmdb_store import LmdbStore
from serve.maps.map_reader import MapReader
from serve.maps.redis_store import RedisStore
from serve.maps.store import StoreUnavailableError
from serve.precompute.member_block import Work
from serve.precompute.precompute import precompute_maps
from serve.scoring.candidate_bank import Bank
from tests.serve.world import DAY, Members, make_facts, make_layout, make_policy, make_vectors

DAILY = Epochs(1, 0.0)


def run(
    store, log=None, *, layout=None, facts=None, bundle="bundle-1", day=DAY, workers=1, **options
):
    layout = layout or make_layout()
    given = {name: options.pop(name) for name in ("now", "progress") if name in options}
    options = {"block": 8, "members": Members()} | options
    bank = Bank.of(layout, make_vectors(layout))
    work = Work(
        bank=bank,
        layout=layout,
        policy=make_policy(bundle),
        day=day,
        logged=log is not None,
        **options,
    )
    facts = make_facts(20) if facts is None else facts
    runs = FolderRuns(log) if log is not None else None
    return precompute_maps(work, facts, store, runs, workers=workers, **given)


def logged(log):
    roll(log)
    return ds.dataset(log / "decisions", format="parquet", partitioning=None).to_table()


def shown(store, layout, day=DAY):
    """(profile, title) → what a page is shown: artwork, id, propensity, whether it goes on."""
    reader, rows = MapReader(store, layout), {}
    for profile in store.profiles():
        _, draws = reader.draws(profile, day)
        for slot, ordinal, name, p, goes_on in zip(
            draws.slots, draws.ordinals, draws.ids, draws.propensities, draws.open, strict=True
        ):
            title = int(layout.title_ids[slot])
            rows[profile, title] = (layout.artwork_ids[ordinal], name, float(p), bool(goes_on))
    return rows


def all_maps(store):
    return {profile: store.get(profile) for profile in store.profiles()}


def test_every_map_entry_is_a_logged_decision(store, tmp_path, layout):
    report = run(store, tmp_path)
    table = logged(tmp_path)
    assert report.decisions == len(table) == 20 * 12
    assert table.schema.names == DECISIONS.names
    assert len(set(table["decision_id"].to_pylist())) == len(table)
    by_id = {row["decision_id"]: row for row in table.to_pylist()}
    named = shown(store, layout)
    assert len(named) == len(table)
    for (profile, title), (artwork, name, propensity, goes_on) in named.items():
        row = by_id[name]
        assert (row["profile_id"], row["title_id"], row["action"]) == (profile, title, artwork)
        assert row["propensity"] == propensity
        assert goes_on


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


def days_of(store, log, days, epochs, **options):
    """What every day's rows are, and what is shown on the last."""
    for day in range(days):
        run(store, log, day=DAY + day, epochs=epochs, **options)
    return logged(log).sort_by([("time", "ascending"), ("decision_id", "ascending")])


def test_a_draw_goes_on_until_its_epoch_ends_whatever_it_fell_on(lmdb_store, tmp_path, layout):
    epochs, facts = Epochs(5, 0.5), make_facts(40)
    keys = np.asarray(profile_keys(facts["profile_id"].to_pylist()))[:, None]
    titles = layout.title_ids.astype(np.int64)
    before = {}
    for day in range(DAY, DAY + 12):
        bundle = f"bundle-{day % 3}"  # another bundle every day: its draws wait for the epoch
        log = tmp_path / str(day)
        report = run(lmdb_store, log, day=day, epochs=epochs, facts=facts, bundle=bundle)
        begun = epoch_numbers(keys, titles, day, 5) != epoch_numbers(keys, titles, day - 1, 5)
        due = {
            (f"profile-{row:04d}", int(titles[slot])) for row, slot in np.argwhere(begun).tolist()
        }
        rows = logged(log).to_pylist()
        drawn = {(row["profile_id"], row["title_id"]) for row in rows}
        assert drawn == (due if before else set(shown(lmdb_store, layout)))
        assert report.decisions == len(rows)
        now = shown(lmdb_store, layout, day)
        assert all(now[pair] == before[pair] for pair in before.keys() - drawn)
        for row in rows:
            pair = row["profile_id"], row["title_id"]
            assert now[pair][:3] == (row["action"], row["decision_id"], row["propensity"])
            if pair in before and len(row["candidates"]) > 1:
                chance = dict(zip(row["candidates"], row["probabilities"], strict=True))
                was = before[pair][0]
                assert chance[was] >= 0.95 * 0.5
                assert all(p >= 0.05 / len(chance) - 1e-12 for p in chance.values())
        before = now


def test_given_what_was_shown_choices_have_the_shares_that_are_logged(tmp_path):
    store = LmdbStore(tmp_path / "maps", size=1 << 28)
    facts = make_facts(400)
    table = days_of(store, tmp_path / "log", 6, Epochs(2, 0.5), facts=facts, block=400)
    store.close()
    rows = table.to_pylist()
    several = [row for row in rows if len(row["candidates"]) > 1]
    uniform = np.array([1 / len(r["candidates"]) / r["propensity"] for r in several])
    day = np.array([r["time"].timestamp() for r in several])
    for when in np.unique(day):
        weights = uniform[day == when]
        error = weights.std() / np.sqrt(len(weights))
        assert abs(weights.mean() - 1) < 4 * error
    # And the same of every rank, by its own probability.
    hits = np.zeros(6)
    expected, variance = np.zeros(6), np.zeros(6)
    for row in several:
        p = np.array(row["probabilities"])
        hits[row["candidates"].index(row["action"])] += 1
        expected[: len(p)] += p
        variance[: len(p)] += p * (1 - p)
    assert (np.abs(hits - expected) < 4 * np.sqrt(variance) + 1e-9).all()


def test_the_same_draw_is_one_decision_though_its_map_was_lost(tmp_path, layout):
    log, names = tmp_path / "log", []
    for at in range(2):
        store = LmdbStore(tmp_path / f"maps-{at}", size=1 << 26)
        run(store, log, day=DAY, now=lambda at=at: 1e9 + at)
        names.append(shown(store, layout))
        store.close()
    assert names[0] == names[1]
    assert len(set(logged(log)["decision_id"].to_pylist())) == len(names[0])


def without_last(layout):
    """The same catalogue with the last artwork of every title that has several withdrawn."""
    ends = layout.starts[1:][layout.counts > 1] - 1
    return make_layout(drop=[layout.artwork_ids[end] for end in ends])


@pytest.mark.parametrize("days", [(0, 1, 2, 2, 2), (0, 1, 0, 1, 0), (4, 3, 2, 1, 0)])
def test_candidates_that_go_and_come_back_are_drawn_by_numbers_of_their_own(tmp_path, layout, days):
    fewer, facts = without_last(layout), make_facts(400)
    store = LmdbStore(tmp_path / "maps", size=1 << 28)
    whole = {"facts": facts, "epochs": Epochs(30, 0.5)}
    shown = [layout, fewer, layout, fewer, layout]
    for day, candidates in zip(days, shown, strict=True):
        run(store, tmp_path, layout=candidates, day=DAY + day, **whole)
    store.close()
    rows = logged(tmp_path)
    several = rows.filter(pc.greater(pc.list_value_length(rows["candidates"]), 1))
    seeds = several.group_by("seed").aggregate([("decision_id", "count_distinct")])
    assert set(seeds["decision_id_count_distinct"].to_pylist()) == {1}
    # What came back is random, given what was shown: each draw has weight 1 / (K p) by its own p.
    counts = np.array([len(c) for c in several["candidates"].to_pylist()])
    weights = 1 / (counts * several["propensity"].to_numpy())
    assert len(weights) > 400 * 10 * 3
    assert abs(weights.mean() - 1) < 4 * weights.std() / len(weights) ** 0.5


def test_a_map_that_was_lost_is_drawn_by_other_numbers_where_its_probabilities_differ(tmp_path):
    epochs, facts = Epochs(2, 0.5), make_facts(40)
    for day, name in ((0, "maps"), (1, "maps"), (2, "maps"), (2, "other"), (3, "other")):
        store = LmdbStore(tmp_path / name, size=1 << 26)
        run(store, tmp_path / "log", day=DAY + day, epochs=epochs, facts=facts)
        store.close()
    rows = logged(tmp_path / "log")
    of_seed = {}
    for seed, p in zip(rows["seed"].to_pylist(), rows["propensity"].to_pylist(), strict=True):
        assert of_seed.setdefault(seed, p) == p


def test_a_backup_that_was_restored_is_renewed_by_numbers_of_its_own(tmp_path):
    epochs, facts = Epochs(1, 0.5), make_facts(200)

    def decide(name, *days):
        for day in days:
            store = LmdbStore(tmp_path / name, size=1 << 26)
            run(store, tmp_path / "log", day=DAY + day, epochs=epochs, facts=facts)
            store.close()

    decide("maps", 0)
    shutil.copytree(tmp_path / "maps", tmp_path / "restored")
    decide("maps", 1, 2)
    decide("restored", 2)
    rows = logged(tmp_path / "log")
    of_seed = {}
    for seed, p in zip(rows["seed"].to_pylist(), rows["propensity"].to_pylist(), strict=True):
        assert of_seed.setdefault(seed, p) == p


class Partly:
    """A store that has no room for the second half of what it is given once."""

    def __init__(self, store):
        self.store, self.full = store, True

    def __getattr__(self, name):
        return getattr(self.store, name)

    def put_many(self, profile_ids, maps):
        if not self.full:
            return self.store.put_many(profile_ids, maps)
        self.full = False
        half = len(maps) // 2
        self.store.put_many(profile_ids[:half], maps[:half])
        raise StoreUnavailableError("store_full", "no room")


@pytest.mark.parametrize("rolled", [False, True])
def test_a_block_whose_maps_were_written_in_part_keeps_its_decisions(store, tmp_path, rolled):
    partly = Partly(store)
    with pytest.raises(StoreUnavailableError):
        run(partly, tmp_path)
    if rolled:
        logged(tmp_path)
    run(partly, tmp_path)
    ids = set(logged(tmp_path)["decision_id"].to_pylist())
    in_maps = {name for _, name, _, _ in shown(store, make_layout()).values()}
    assert len(in_maps) == 20 * 12
    assert in_maps <= ids


def test_a_withdrawal_opens_a_draw_for_everybody_who_has_the_title(lmdb_store, layout):
    run(lmdb_store)
    before = shown(lmdb_store, layout)
    title = int(layout.title_ids[7])
    gone = next(artwork for (_, at), (artwork, *_) in before.items() if at == title)
    newer = make_layout(drop=(gone,))
    report = run(lmdb_store, layout=newer, day=DAY, epochs=Epochs(300, 0.5))
    assert report.decisions == 20
    for pair, row in shown(lmdb_store, newer).items():
        assert row[0] != gone
        if pair[1] != title:
            assert row[:3] == before[pair][:3]


def test_only_where_there_is_no_draw_one_is_made(lmdb_store, layout):
    facts = make_facts(20)
    run(lmdb_store, facts=facts, epochs=DAILY)
    nothing = run(lmdb_store, facts=facts, epochs=DAILY, day=DAY + 1, changed_only=True)
    assert (nothing.decisions, nothing.written, nothing.unchanged) == (0, 0, 20)
    more = pa.concat_tables([facts, make_facts(2, first=50)])
    two = run(lmdb_store, facts=more, epochs=DAILY, changed_only=True)
    assert (two.decisions, two.written) == (24, 2)
    newer = make_layout(drop=(layout.artwork_ids[-1],))
    title = run(lmdb_store, facts=more, layout=newer, epochs=DAILY, changed_only=True)
    assert (title.decisions, title.written) == (22, 22)


def test_draws_of_many_runs_fit_in_a_map(lmdb_store, layout):
    for day in range(40):
        run(lmdb_store, facts=make_facts(4), day=DAY + day, epochs=Epochs(30, 0.5))
    for profile in lmdb_store.profiles():
        assert len(ArtworkMap.parse(lmdb_store.get(profile)).runs) > 8
    assert len(shown(lmdb_store, layout)) == 4 * 12


class Twins(Members):
    """Members whose functionals are zero: every candidate ties in every head."""

    def functionals_of(self, facts):
        found = super().functionals_of(facts)
        return found._replace(functionals=np.zeros_like(found.functionals))


def test_split_ties_keep_their_exact_propensity_in_the_map(lmdb_store, tmp_path, layout):
    run(lmdb_store, tmp_path, members=Twins())
    run(lmdb_store, tmp_path, members=Twins(), day=DAY + 1, epochs=Epochs(3, 0.5))
    rows = {row["decision_id"]: row for row in logged(tmp_path).to_pylist()}
    named = shown(lmdb_store, layout)
    assert len(named) == 20 * 12
    for artwork, name, propensity, _ in named.values():
        assert (rows[name]["action"], rows[name]["propensity"]) == (artwork, propensity)


def test_a_member_that_the_model_fails_at_is_skipped_counted_and_named(lmdb_store, tmp_path):
    facts = make_facts(12)
    members = facts["facts"].to_pylist()
    members[5]["tenure_days"] = None  # the small model of these tests needs it
    odd = pa.table({"profile_id": facts["profile_id"], "facts": pa.array(members, FACTS)})
    report = run(lmdb_store, tmp_path / "log", facts=odd)
    name = facts["profile_id"][5].as_py()
    assert [member for member, _ in report.skipped_members] == [name]
    assert (report.skipped, report.profiles, report.written) == (1, 11, 11)
    assert lmdb_store.get_many([name]) == [None]


def test_a_store_that_lost_its_data_in_the_middle_is_filled_again(redis_server, tmp_path, layout):
    store = RedisStore(redis_server.url, timeout=1.0)
    seen = []

    def emptied_once(done, _):
        if not seen:
            with redis.Redis.from_url(redis_server.url) as client:
                client.flushall()
        seen.append(done)

    report = run(store, tmp_path, progress=emptied_once)
    assert seen == [8, 8, 16, 20]
    assert report.written + report.unchanged == report.profiles == 20
    rows = shown(store, layout)
    assert len(rows) == 20 * len(layout.title_ids)
    ids = set(logged(tmp_path)["decision_id"].to_pylist())
    assert {name for _, name, _, _ in rows.values()} <= ids
    assert read_current(store).layout == layout.digest
    store.close()


@pytest.mark.parametrize(
    "record",
    [
        b"[]",
        b'"x"',
        b'{"version": "x"}',
        b'{"version": -1}',
        b'{"layouts": ["zz"]}',
        b'{"layouts": 5}',
    ],
)
def test_a_record_of_runs_that_is_none_is_begun_anew(record, lmdb_store, layout):
    lmdb_store.put_shared("run", record)
    assert run(lmdb_store).written == 20
    assert len(shown(lmdb_store, layout)) == 20 * 12


class NoMembers:
    """A model that fails, and with it a run that has only begun."""

    def functionals_of(self, facts):
        raise RuntimeError("no model")


def test_a_run_that_begins_while_another_does_goes_on_with_that_one(tmp_path):
    begun = []

    class Between(LmdbStore):
        """Lets another run begin between what this one reads and what it writes."""

        def get_shared(self, name):
            raw = super().get_shared(name)
            if name == "run" and not begun:
                begun.append(None)
                with pytest.raises(RuntimeError, match="no model"):
                    run(self, tmp_path / "log", members=NoMembers(), now=lambda: 1000.0)
                begun[0] = super().get_shared(name)
            return raw

    store = Between(tmp_path / "maps", size=1 << 26)
    report = run(store, tmp_path / "log", now=lambda: 1000.1)
    assert report.version == int.from_bytes(begun[0][16:24]) == 1_000_000
    ids = logged(tmp_path / "log")["decision_id"].to_pylist()
    assert len(ids) == len(set(ids)) == 20 * 12
    store.close()


def test_a_shared_value_is_replaced_only_where_it_is_what_was_seen(store):
    assert not store.put_over("a", b"one", b"none")
    assert store.put_over("a", b"one", None)
    assert not store.put_over("a", b"two", None)
    assert not store.put_over("a", b"two", b"on")
    assert store.get_shared("a") == b"one"
    assert store.put_over("a", b"two", b"one")
    assert store.get_shared("a") == b"two"
