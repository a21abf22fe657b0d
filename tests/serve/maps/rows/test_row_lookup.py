"""Pages out of maps that are drawn as rows: exact, sticky, logged, and one read each."""

import resource
from dataclasses import replace

import numpy as np
import pyarrow.dataset as ds
import pytest

from bandit.draws import Epochs
from data.bundle.row_pairs import RowPairs
from data.check.command import check
from data.errors import BadInput
from data.log import roll
from data.records import SCHEMA_VERSION
from serve.maps.artwork_map import ArtworkMap
from serve.maps.lmdb_store import LmdbStore
from serve.maps.lookup import Lookup
from serve.maps.rows import page_log
from serve.maps.rows.row_lookup import RowLookup
from serve.maps.rows.row_part import RowPart
from serve.maps.rows.row_table import RowTable, row_table_key
from serve.precompute.row_parts import RowKeep
from tests.serve.maps.test_takedown import Clock, take_down
from tests.serve.precompute.test_precompute import run
from tests.serve.rules.rules_world import lands, rules_of
from tests.serve.world import DAY, make_layout, make_policy, make_vectors

FIVE = [3, 1, 7, 5, 11]
"""Slots of a page, of four, two, two, six and six candidates."""
LAYOUT = make_layout()
IDS = LAYOUT.title_ids[FIVE]


def keep(kept=4, strength=0.5, layout=LAYOUT):
    rng = np.random.default_rng(1)
    forms = strength * rng.normal(size=(16, 3, 3))
    forms = forms + forms.swapaxes(1, 2)
    pairs = RowPairs(np.zeros(8), rng.normal(size=(8, 3)) / 3, forms.mean(0), forms)
    rules = make_policy().draw_rules(16, Epochs())
    return RowKeep.of(pairs if strength else None, make_vectors(layout), layout, rules, 1.0, kept)


def moment(days=0):
    return lambda: (DAY + days) * 86_400.0 + 5


def logged(folder):
    roll(folder)
    rows = ds.dataset(folder / "decisions", format="parquet", partitioning=None).to_table()
    return rows.sort_by([("page_id", "ascending"), ("page_slot", "ascending")]).to_pylist()


@pytest.fixture
def mapped(lmdb_store):
    run(lmdb_store, rows=keep())
    return lmdb_store


def test_a_page_is_one_draw_that_stays_for_an_epoch_and_is_logged_once(store, tmp_path):
    run(store, rows=keep())
    client = RowLookup(store, tmp_path / "log", moment(), base_url="/i/")
    pages = client.rows(["profile-0003", "profile-0004"], np.stack([IDS, IDS]))
    again = RowLookup(store, tmp_path / "log", moment()).rows(["profile-0003"], IDS[None])
    assert again.page_ids == pages.page_ids[:1]
    assert again.decision_ids == pages.decision_ids[:1]
    later = [
        RowLookup(store, now=moment(days)).rows(["profile-0003"], IDS[None]) for days in (15, 29)
    ]
    assert any(page.artwork_ids != again.artwork_ids for page in later)
    client.rows(["profile-0003"], IDS[None])
    client.close()
    rows = logged(tmp_path / "log")
    assert len({row["decision_id"] for row in rows}) == 10
    assert len(rows) == 15
    check(tmp_path / "log")
    for row in rows:
        chances = dict(zip(row["candidates"], row["probabilities"], strict=True))
        assert chances[row["action"]] == pytest.approx(row["propensity"], abs=1e-12)
        assert sum(chances.values()) == pytest.approx(1)
        assert min(chances.values()) > 0
        at = pages.page_ids.index(row["page_id"])
        shown = pages.artwork_ids[at]
        slot = row["page_slot"]
        assert row["action"] == shown[slot]
        assert row["title_id"] == IDS[slot]
        assert row["left_artwork"] == (shown[slot - 1] if slot else None)
        assert row["right_artwork"] == (shown[slot + 1] if slot < 4 else None)
        assert row["facts"]["country"] == "FR"
        assert row["bundle"] == "bundle-1"
        name = row["action"].replace("-", "/")
        assert pages.urls[at, slot] == f"/i/{name}.jpg"


def test_draws_of_many_rows_follow_what_is_logged_of_them(mapped, tmp_path):
    client, pages = RowLookup(mapped, tmp_path / "log", moment()), 400
    for at in range(pages):
        client.rows(["profile-0003"], IDS[None], row=str(at))
    client.close()
    weights, apart = {}, {}
    for row in logged(tmp_path / "log"):
        weights.setdefault(row["page_slot"], []).append(
            1 / len(row["candidates"]) / row["propensity"]
        )
        for name, chance in zip(row["candidates"], row["probabilities"], strict=True):
            apart.setdefault(name, []).append(((row["action"] == name) - chance, chance))
    for seen in weights.values():
        assert len(seen) == pages
        assert abs(np.mean(seen) - 1) < 4 * np.std(seen) / np.sqrt(pages)
    for pairs in apart.values():
        gap, chance = np.array(pairs).T
        assert abs(gap.sum()) < 4 * np.sqrt((chance * (1 - chance)).sum())


def test_a_page_is_one_read(mapped):
    class Counting:
        reads = 0

        def get_many(self, names):
            Counting.reads += 1
            return mapped.get_many(names)

        def __getattr__(self, name):
            return getattr(mapped, name)

        def get(self, name):
            raise AssertionError("a page is read twice")

    client = RowLookup(Counting(), now=moment())
    for _ in range(3):
        client.rows(["profile-0003", "profile-0004"], np.stack([IDS, IDS]))
    assert Counting.reads == 3


def test_a_map_with_rows_is_the_map_without_and_a_part_more(mapped, tmp_path):
    plain = LmdbStore(tmp_path / "plain", size=1 << 26)
    version = ArtworkMap.parse(mapped.get("profile-0003")).version
    run(plain, now=lambda: version / 1000)
    for name in plain.profiles():
        held = ArtworkMap.parse(mapped.get(name))
        without = replace(held, rows=b"", version=ArtworkMap.parse(plain.get(name)).version)
        assert without.to_bytes() == plain.get(name)
        assert plain.get(name)[2] == 2
        assert held.to_bytes() == mapped.get(name)
        assert len(held.rows) < 24 + 9 * 12 + 120
    both = Lookup(mapped).urls("profile-0003", IDS), Lookup(plain).urls("profile-0003", IDS)
    assert (both[0] == both[1]).all()
    # A client of rows opens maps without them title by title, and a run without drops them.
    pages = RowLookup(plain, now=moment())
    assert (pages.rows(["profile-0003"], IDS[None]).urls[0] == both[0]).all()
    assert pages.reasons["no_rows"] == 1
    run(mapped)
    assert all(mapped.get(name)[2] == 2 for name in mapped.profiles())
    plain.close()


def test_without_neighbours_titles_are_drawn_as_if_alone(lmdb_store, tmp_path):
    run(lmdb_store, rows=keep(strength=0))
    client = RowLookup(lmdb_store, tmp_path / "log", moment())
    client.rows(["profile-0003"], IDS[None])
    rows = logged(tmp_path / "log")
    assert all(row["slot_propensity"] == pytest.approx(row["propensity"]) for row in rows)


def test_what_is_taken_down_is_left_out_and_the_rest_shares_its_part(mapped, tmp_path):
    down = [f"{LAYOUT.title_ids[5]}-{rank}" for rank in range(5)]
    alone = f"{LAYOUT.title_ids[0]}-0"  # of a title of one artwork
    clock, ids = Clock(), np.append(IDS, LAYOUT.title_ids[0])
    client = RowLookup(mapped, tmp_path / "log", moment(), clock=clock)
    before = client.rows(["profile-0003"], ids[None])
    take_down(mapped, *down, alone)
    clock.now = 2
    after = client.rows(["profile-0003"], ids[None])
    assert after.artwork_ids[0][3] == f"{LAYOUT.title_ids[5]}-5"
    assert after.propensities[0, 3] == 1
    assert after.artwork_ids[0][5] is None
    assert "placeholder" in after.urls[0, 5]
    assert after.page_ids != before.page_ids
    client.close()
    rows = [row for row in logged(tmp_path / "log") if row["page_id"] == after.page_ids[0]]
    assert [row["page_slot"] for row in rows] == [0, 1, 2, 3, 4]
    assert rows[3]["probabilities"] == pytest.approx([0, 0, 0, 0, 0, 1])
    check(tmp_path / "log")
    take_down(mapped, *down, alone, down=False)
    clock.now = 4
    assert client.rows(["profile-0003"], ids[None]).page_ids == before.page_ids


def test_a_title_under_rules_keeps_the_draw_of_the_map(lmdb_store, tmp_path):
    run(lmdb_store, facts=lands(12), ruled=rules_of(), rows=keep())
    client = RowLookup(lmdb_store, tmp_path / "log", moment())
    names = [f"profile-{member:04d}" for member in range(12)]
    ids = LAYOUT.title_ids[[2, 3, 9, 10, 5]]
    pages = client.rows(names, np.stack([ids] * 12))
    for at, name in enumerate(names):
        held = ArtworkMap.parse(lmdb_store.get(name))
        explicit, ruled = dict(held.explicit), {slot for slot, _ in held.ruled}
        for place, slot in enumerate([2, 3, 9, 10, 5]):
            if slot in ruled:
                shown = LAYOUT.artwork_ids[held.choices[slot]]
                assert pages.artwork_ids[at][place] == shown
                assert pages.propensities[at, place] == explicit[slot]
    client.close()
    rows = logged(tmp_path / "log")
    pinned = [row for row in rows if row["level"] == "pinned"]
    assert {row["action"] for row in pinned} == {f"{LAYOUT.title_ids[3]}-1"}
    assert {row["probabilities"] is None for row in pinned} == {True}
    check(tmp_path / "log")


def test_a_page_whose_own_draws_are_others_is_another_draw(lmdb_store, tmp_path):
    ids, names = LAYOUT.title_ids[[2, 9, 10, 5]], [f"profile-{at:04d}" for at in range(6)]
    for days in (0, 6):  # within a row's epoch of 14 some titles begin one of their own
        moved = {"day": DAY + days, "now": lambda days=days: (DAY + days) * 86_400.0}
        run(lmdb_store, facts=lands(6), ruled=rules_of(), rows=keep(), **moved)
        client = RowLookup(lmdb_store, tmp_path / "log", moment(days))
        client.rows(names, np.stack([ids] * 6))
        client.close()
    rows = logged(tmp_path / "log")
    assert len(rows) == 2 * 6 * len(ids)
    told = ("page_id", "action", "propensity", "left_artwork", "right_artwork", "slot_propensity")
    for named in ("decision_id", "seed"):
        said = {(row[named], *(row[name] for name in told)) for row in rows}
        assert 6 * len(ids) < len(said) < len(rows)  # some are drawn anew, and some go on
        assert len({row[named] for row in rows}) == len(said)


def test_titles_and_members_that_have_no_rows_have_their_image_all_the_same(mapped):
    client = RowLookup(mapped, now=moment())
    strange = [*IDS[:2].tolist(), 999_999_999]
    pages = client.rows(["profile-0003", "nobody"], [strange, strange])
    assert pages.artwork_ids[0][:2] != [None, None]
    assert pages.artwork_ids[0][2] is None
    assert pages.artwork_ids[1] == [None] * 3
    assert all(pages.urls.ravel())
    assert client.rows([], np.zeros((0, 5), np.int64)).urls.shape[0] == 0


def test_damage_costs_a_page_its_row_and_never_its_images(mapped, tmp_path):
    value = mapped.get("profile-0003")
    part = RowPart.of_map(value, 12, 2)
    mapped.put_shared(row_table_key(part.nonce), b"no table")
    client = RowLookup(mapped, now=moment())
    assert all(client.rows(["profile-0003"], IDS[None]).urls[0])
    assert client.reasons["rows_unknown"] == 1
    held = replace(ArtworkMap.parse(value), rows=part.to_bytes()[:30])
    mapped.put_many(["profile-0003"], [held.to_bytes()])
    assert all(client.rows(["profile-0003"], IDS[None]).urls[0])
    table = keep().table
    never = replace(table, rules=table.rules._replace(days=0)).to_bytes()
    with pytest.raises(ValueError, match="not what rows have in common"):
        RowTable.from_bytes(never)
    with pytest.raises(ValueError, match="give a folder"):
        RowLookup(mapped, "redis://127.0.0.1:1/0")


def test_a_page_that_cannot_be_logged_is_opened_title_by_title(mapped, tmp_path):
    client = RowLookup(mapped, tmp_path / "log", moment())
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40, limits[1]))  # a disk without room
    try:
        page = client.rows(["profile-0003"], IDS[None])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert page.page_ids == [None]
    assert client.reasons["rows_unlogged"] == 1
    assert (page.urls[0] == Lookup(mapped).urls("profile-0003", IDS)).all()
    page = client.rows(["profile-0003"], IDS[None])
    client.close()
    assert [row["page_id"] for row in logged(tmp_path / "log")] == page.page_ids * 5


def test_maps_refuse_what_their_rows_cannot_hold():
    with pytest.raises(BadInput, match="withdraw some"):
        keep(layout=make_layout(titles=301, most=300))
    assert page_log.SCHEMA_VERSION == SCHEMA_VERSION  # page servers do not install it
