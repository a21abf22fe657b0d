"""Maps that show synopses and evidence beside artwork: draws, log, names and look-up agree."""

import pickle
from contextlib import closing
from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from bandit.draws import Epochs
from data.check.pages.beside import problems_of_kinds
from data.days import date_of
from data.errors import BadInput
from data.log import roll
from data.log.expand_runs import expand_some
from data.log.precompute_runs import FolderRuns, RunFile, run_files
from data.records import DECISIONS, FACTS, KIND_COLUMNS
from evaluate.monitor.monitor import inspect
from serve.live.page_request import PageRequest
from serve.live.shown.page_assets import PageAssets
from serve.maps.artwork_map import ArtworkMap
from serve.maps.beside.kind_table import table_key
from serve.maps.lmdb_store import LmdbStore
from serve.maps.lookup import Lookup
from serve.maps.map_reader import MapReader
from serve.maps.takedown.listed import Takedown
from serve.pictures.asked import AskedKinds
from serve.precompute.map_kinds import MapKinds
from serve.precompute.member_block import Work
from serve.precompute.precompute import precompute_maps
from serve.scoring.asset_bank import AssetBank
from serve.scoring.candidate_bank import Bank
from tests.serve.assets_world import BARE, LAYOUT, TITLES_OF, catalogue, terms_for
from tests.serve.rules.rules_world import NOON, every_effect, rules_of
from tests.serve.world import DAY, Members, make_model, make_policy, make_vectors

KINDS = ("synopsis", "evidence")
MEMBERS = 24


def facts():
    """A third reads French, half watch crime."""
    rows = [
        {
            **{"country": "DE" if at % 4 else "FR"},
            **{"tenure_days": float(at), "language": "fr" if at % 3 == 0 else "en"},
            **({"watched_genres": [("crime", 2.0)]} if at % 2 else {}),
        }
        for at in range(MEMBERS)
    ]
    names = pa.array([f"profile-{at:04d}" for at in range(MEMBERS)])
    return pa.table({"profile_id": names, "facts": pa.array(rows, FACTS)})


@pytest.fixture(scope="module")
def assets(tmp_path_factory):
    return catalogue(tmp_path_factory.mktemp("catalogue"))


def kinds_of(assets, learnt=True, kinds=KINDS):
    bank = AssetBank.of(terms_for(assets) if learnt else None, assets)
    head = make_policy().head_policy
    return MapKinds.of(kinds, bank, assets, LAYOUT, make_vectors(LAYOUT), date_of(DAY), head)


def run(store, log=None, kinds=None, day=DAY, now=None, **more):
    work = Work(
        Members(),
        Bank.of(LAYOUT, make_vectors(LAYOUT)),
        LAYOUT,
        make_policy(),
        day,
        log is not None,
        block=10,
        kinds=kinds,
        **more,
    )
    runs = None if log is None else FolderRuns(log)
    moment = now or (lambda: day * 86400.0)
    return precompute_maps(work, facts(), store, runs, workers=1, now=moment)


def without(assets, gone):
    """The same where assets are withdrawn, by their rows."""
    table, days = assets.table, assets.table["withdrawn_day"].to_pylist()
    for row in gone:
        days[row] = date(2020, 1, 1)
    at = table.schema.get_field_index("withdrawn_day")
    column = pa.array(days, pa.date32())
    return replace(assets, table=table.set_column(at, table.schema.field(at), column))


def rows_of(log):
    roll(log)
    files = sorted((log / "decisions").rglob("*.parquet"))
    return ds.dataset(files, format="parquet", partitioning=None).to_table()


@pytest.fixture(scope="module")
def made(assets, tmp_path_factory):
    """A store, its log and rows of a first day."""
    place, kinds = tmp_path_factory.mktemp("made"), kinds_of(assets)
    store = LmdbStore(place / "maps", size=1 << 26)
    run(store, place / "log", kinds)
    path = run_files(place / "log")[0]
    yield store, place / "log", RunFile.read(path), rows_of(place / "log"), kinds
    store.close()


def test_maps_without_kinds_are_what_they_were(tmp_path, assets):
    store = LmdbStore(tmp_path / "maps", size=1 << 26)
    run(store, tmp_path / "log")
    value = store.get("profile-0001")
    assert ArtworkMap.parse(value).beside is None
    assert ArtworkMap.parse(value).to_bytes() == value
    assert rows_of(tmp_path / "log").schema.names == DECISIONS.names
    run(store, None, kinds_of(assets), DAY + 1)
    after = ArtworkMap.parse(store.get("profile-0001"))
    assert after.beside is not None
    assert after.to_bytes() == store.get("profile-0001")
    more = 24 * (len(after.runs) - len(ArtworkMap.parse(value).runs))
    assert len(store.get("profile-0001")) - len(value) == 2 * len(TITLES_OF) + 8 + more
    store.close()


def test_rows_say_what_the_maps_show_and_their_chances_are_sound(made, assets):
    store, log, _, rows, _ = made
    assert rows.schema.names == [*DECISIONS.names, *KIND_COLUMNS.names]
    assert len(rows) == MEMBERS * len(TITLES_OF)
    assert list(problems_of_kinds(log, assets.table)) == []
    reader, by_id = MapReader(store, LAYOUT), {row["decision_id"]: row for row in rows.to_pylist()}
    assert len(by_id) == len(rows)
    look = Lookup(store, base_url="/i/")
    told = facts()["facts"].to_pylist()
    for at, profile in enumerate(facts()["profile_id"].to_pylist()):
        _, draws = reader.draws(profile, DAY)
        assert len(draws.ids) == len(TITLES_OF)
        shown = look.page(profile).assets(TITLES_OF)
        assert list(shown) == list(KINDS)
        for slot, name, propensity in zip(draws.slots, draws.ids, draws.propensities, strict=True):
            row = by_id[name]
            assert row["propensity"] == propensity
            beside = dict(zip(row["kinds"] or [], row["assets"] or [], strict=True))
            for kind in KINDS:
                one = shown[kind][slot]
                assert (None if one is None else one.asset_id) == beside.get(kind)
                assert one is None or one.drawn
            if row["title_id"] == BARE:
                assert row["kinds"] is None
                continue
            # Languages and what is watched decide what there is to choose from.
            read = told[at]["language"]
            offered = dict(zip(row["kinds"], row["asset_candidates"], strict=True))
            want = ["-s1"] if read == "fr" else ["-s0", "-s2"]
            assert [one[-3:] for one in offered["synopsis"]] == want
            crime = TITLES_OF.index(row["title_id"]) % 2 == 0 and told[at]["watched_genres"]
            assert len(offered["evidence"]) == (2 if crime else 1)
            text = shown["evidence"][slot].text
            assert text in ("As much crime as you like", "With ann")
            assert sum(row["combinations"]) == pytest.approx(1, abs=1e-9)


def test_some_draws_expand_to_the_same_rows(made):
    _, _, run_file, rows, _ = made
    by_id = {row["decision_id"]: row for row in rows.to_pylist()}
    some = expand_some(
        run_file, np.array([1, 1, 3, 5]), pa.array([TITLES_OF[i] for i in (0, 4, 11, 2)])
    )
    assert len(some) == 4
    assert all(row == by_id[row["decision_id"]] for row in some.to_pylist())


@pytest.mark.parametrize("learnt", [True, False])
def test_the_chances_are_those_of_a_live_page(assets, tmp_path, learnt):
    store, kinds = LmdbStore(tmp_path / "maps", size=1 << 26), kinds_of(assets, learnt)
    run(store, tmp_path / "log", kinds)
    bank = AssetBank.of(terms_for(assets) if learnt else None, assets)
    beside = PageAssets.of(bank, assets, LAYOUT, make_vectors(LAYOUT), date_of(DAY), "/i/")
    live = replace(make_model(), assets=beside)
    told, rows = facts(), rows_of(tmp_path / "log").to_pylist()
    mine = {(row["profile_id"], row["title_id"]): row for row in rows}
    for at in range(6):
        known = {k: v for k, v in told["facts"][at].as_py().items() if v is not None}
        asked = AskedKinds(KINDS, (known["language"],))
        page = PageRequest(f"profile-{at:04d}", TITLES_OF, DAY, 1, known, beside=asked)
        [made] = live.decide([page], told["facts"].combine_chunks().slice(at, 1))
        for n, title in enumerate(made.title_ids):
            row, other = mine[page.profile_id, title], made.beside[n]
            np.testing.assert_allclose(
                made.probabilities[n][: len(row["candidates"])], row["probabilities"]
            )
            if other is None:
                assert row["kinds"] is None
                continue
            assert [list(of) for of in other.candidates] == row["asset_candidates"]
            np.testing.assert_allclose(other.combinations.ravel(), row["combinations"], atol=1e-9)
    store.close()


def test_what_has_travelled_to_another_process_writes_the_same_bytes(made, tmp_path):
    store, _, _, rows, kinds = made
    other = LmdbStore(tmp_path / "maps", size=1 << 26)
    run(other, tmp_path / "log", pickle.loads(pickle.dumps(kinds)))
    names = sorted(store.profiles())
    assert [other.get(name) for name in names] == [store.get(name) for name in names]
    assert rows_of(tmp_path / "log").sort_by("decision_id").equals(rows.sort_by("decision_id"))
    other.close()


def test_draws_go_on_with_what_stands_beside_them_and_weights_have_mean_one(assets, tmp_path):
    store, kinds = LmdbStore(tmp_path / "maps", size=1 << 26), kinds_of(assets)
    epochs, weights, shown, renewed = Epochs(3, 0.5), [], {}, {}
    for day in range(DAY, DAY + 6):
        report = run(store, tmp_path / "log", kinds, day, epochs=epochs)
        assert day == DAY or 0 < report.decisions < 0.6 * MEMBERS * len(TITLES_OF)
        reader = MapReader(store, LAYOUT)
        for name in store.profiles():
            member, draws = reader.draws(name, day)
            assert draws.open.all()
            for slot, one in zip(draws.slots.tolist(), draws.ids, strict=True):
                beside = (one, member.beside.codes[:, slot].tolist())
                before = shown.get((name, slot))
                if before is not None and before[0] == one:
                    assert before == beside
                elif before is not None:
                    renewed[one] = before[0]
                shown[name, slot] = beside
    rows = rows_of(tmp_path / "log")
    assert len(set(rows["decision_id"].to_pylist())) == len(rows)
    assert list(problems_of_kinds(tmp_path / "log", assets.table)) == []
    seen = [c for c in inspect(str(tmp_path / "log")).checks if c.name.startswith("kind_")]
    assert {(c.name, c.state) for c in seen if c.state != "ok"} == set()
    [first, *_] = [c for c in seen if c.name == "kind_chosen_synopsis"]
    assert "100.0% ahead of it (maps)" in first.words
    for row in rows.to_pylist():
        if row["kinds"]:
            sizes = [len(of) for of in row["asset_candidates"]]
            for size, chance in zip(sizes, row["asset_propensities"], strict=True):
                if size > 1:
                    weights.append(1 / size / chance)
    # Half of the votes go to what stood beside the same image; exploration is mixed in after that.
    named, stayed = {row["decision_id"]: row for row in rows.to_pylist()}, 0
    for name, before in renewed.items():
        now, old = named[name], named[before]
        if now["kinds"] and now["action"] == old["action"] and now["assets"][0] == old["assets"][0]:
            assert now["asset_propensities"][0] >= 0.5 * 0.95
            stayed += 1
    assert stayed > 100
    error = np.std(weights) / np.sqrt(len(weights))
    assert len(weights) > 500
    assert abs(np.mean(weights) - 1) < 4 * error
    store.close()


def test_other_assets_draw_their_titles_anew_and_no_others(assets, tmp_path):
    store = LmdbStore(tmp_path / "maps", size=1 << 26)
    run(store, None, kinds_of(assets))
    fewer = without(assets, [0])  # of the first title's synopses
    report = run(store, None, kinds_of(fewer), DAY, epochs=Epochs(14, 0.5))
    assert report.decisions == MEMBERS
    assert run(store, None, None, DAY).decisions == MEMBERS * (len(TITLES_OF) - 1)  # artwork alone
    assert Lookup(store).page("profile-0000").assets(TITLES_OF) == {}
    store.close()


@pytest.mark.parametrize("case", ["all of a title gone", "nobody's kinds any more", "no table"])
def test_draws_that_lose_all_that_stood_beside_them_are_drawn_anew(assets, tmp_path, case):
    rows = assets.table.to_pylist()
    first = [at for at, row in enumerate(rows) if row["title_id"] == TITLES_OF[0]]
    before, after = kinds_of(assets), kinds_of(without(assets, first))
    due = MEMBERS
    if case == "nobody's kinds any more":  # who reads French had none to begin with
        french = [at for at, row in enumerate(rows) if row["language"] == "fr"]
        before, after = kinds_of(without(assets, french), kinds=("synopsis",)), None
        due = MEMBERS * (len(TITLES_OF) - 1)
    with closing(LmdbStore(tmp_path / "maps", size=1 << 26)) as store:
        run(store, None, before)
        if case == "no table":
            store.put_shared(table_key(before.table.digest), b"")
            due = MEMBERS * len(TITLES_OF)
        assert run(store, None, after).decisions == due


@pytest.mark.parametrize("damaged", [b"", b"MQ", b"MQ\2" + 40 * b"\xff"])
def test_a_damaged_map_does_not_stop_a_run(assets, tmp_path, damaged):
    with closing(LmdbStore(tmp_path / "maps", size=1 << 26)) as store:
        for kinds in (kinds_of(assets), None):
            with store.environment().begin(write=True) as writing:
                writing.put(b"profile-0001", damaged)
            report = run(store, None, kinds)
            assert report.decisions >= len(TITLES_OF)
            assert report.profiles == MEMBERS


def test_who_has_no_map_or_sees_another_artwork_sees_what_everybody_sees(made):
    store, *_ = made
    look = Lookup(store, base_url="/i/")
    nobody = look.page("nobody").assets([*TITLES_OF, 1])
    assert [one and one.asset_id for one in nobody["synopsis"]] == [
        *(f"{title}-s0" for title in TITLES_OF[:-1]),
        *(None, None),
    ]
    assert not nobody["evidence"][0].drawn
    assert nobody["evidence"][0].text == "With ann"  # nobody's default speaks of what they watch
    french = look.page("nobody").assets(TITLES_OF, ("fr-CA",))
    assert french["synopsis"][0].asset_id == f"{TITLES_OF[0]}-s1"
    own = ArtworkMap.parse(store.get("profile-0001"))
    slot = 3
    down = LAYOUT.artwork_ids[own.choices[slot]]
    store.put_shared("takedown", Takedown(1, frozenset([down])).to_bytes())
    page = Lookup(store, base_url="/i/").page("profile-0001")
    beside = page.assets(TITLES_OF)["synopsis"]
    assert not beside[slot].drawn
    assert beside[slot - 1].drawn
    store.put_shared("takedown", Takedown(2, frozenset()).to_bytes())


def test_more_than_maps_choose_from_is_refused_in_words(assets):
    with pytest.raises(BadInput, match="--kinds trailer: the catalogue has synopsis, evidence"):
        kinds_of(assets, kinds=("trailer",))
    with pytest.raises(BadInput, match="--kinds artwork"):
        kinds_of(assets, kinds=("artwork",))


def test_kinds_are_named_with_commas_or_one_by_one(made, assets):
    *_, kinds = made
    assert kinds_of(assets, kinds=(",".join(KINDS),)).table.digest == kinds.table.digest


def test_under_rules_chances_stay_exact_and_combinations_are_not_told(assets, tmp_path):
    store, rules = LmdbStore(tmp_path / "maps", size=1 << 26), rules_of(**every_effect(LAYOUT))
    run(store, tmp_path / "log", kinds_of(assets), ruled=rules, now=lambda: NOON / 1e6)
    rows = {row["decision_id"]: row for row in rows_of(tmp_path / "log").to_pylist()}
    assert list(problems_of_kinds(tmp_path / "log", assets.table)) == []
    ruled = [row for row in rows.values() if row["rules"]]
    assert {row["level"] for row in ruled} == {"personalised", "pinned"}
    for row in ruled:
        assert row["combinations"] is None
        if row["kinds"]:
            chances = np.prod(row["asset_propensities"])
            assert row["joint_propensity"] == pytest.approx(row["propensity"] * chances)
    for name in store.profiles():
        _, draws = MapReader(store, LAYOUT).draws(name, DAY)
        assert set(draws.ids) <= set(rows)
    store.close()
