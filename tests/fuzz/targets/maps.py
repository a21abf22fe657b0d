"""Artwork maps and layouts, as a store hands them to the look-up and to the live service."""

from dataclasses import replace
from zlib import crc32

import numpy as np
import orjson

from bandit.draws import DrawRules
from data.privacy.pseudonym import Pseudonyms
from serve.maps.artwork_map import ArtworkMap, Run
from serve.maps.layout import Layout
from serve.maps.lookup import Lookup
from serve.maps.map_reader import MapReader
from serve.maps.rows.row_lookup import RowLookup
from serve.maps.rows.row_part import RowPart, packed_facts, row_codes
from serve.maps.rows.row_table import MAGIC as ROWS_MAGIC
from serve.maps.rows.row_table import RowRules, RowTable, row_table_key
from serve.maps.run_info import CatalogueWords, RunInfo
from serve.maps.store import MAGIC
from serve.maps.takedown.instead import Instead
from serve.maps.takedown.listed import Takedown, TakedownChange
from serve.rules.takedown import TakenDownList, show
from tests.fuzz.kind import Kind
from tests.fuzz.mutations import of_bytes, of_json, with_checksum
from tests.serve.world import DAY, make_layout

LAYOUT = make_layout()
WORDS = CatalogueWords.of(LAYOUT)
SIX = LAYOUT.candidates(5)
TAKEN = Takedown(7, frozenset(SIX[:2]), (TakedownChange(SIX[0], True, 5, "ann", "court"),))
RULES = RowRules("b", "thompson", 0.05, 7, 14, None, LAYOUT.digest.hex(), 2)
TABLE = RowTable.of(RULES, np.ones((len(LAYOUT.artwork_ids), 2)), np.eye(2))
INSTEAD = Instead(7, {str(LAYOUT.title_ids[5]): (list(SIX[1:3]), list(SIX[3:4]))})


class Held:
    """A store that has one map, one run and, if they are given, shared values."""

    def __init__(self, value=None, shared=()):
        self.value, self.shared = value, dict(shared)

    def get(self, profile_id):
        return self.value

    def get_many(self, profile_ids):
        return [self.value for _ in profile_ids]

    def get_shared(self, name):
        return self.shared.get(name)

    def look(self):
        pass


INFO = RunInfo(DrawRules("b", "thompson", 0.05, 7, 16), True)


def member_map(explicit=(), runs=1, form_codes=True):
    titles = len(LAYOUT.title_ids)
    choices = LAYOUT.starts[:-1].copy()
    codes = np.full(titles, 3, np.uint8) if form_codes else None
    used = tuple(Run(DAY - at, 7, INFO.nonce, 28, 5) for at in range(runs))
    run_of = (np.arange(titles) % runs).astype(np.uint8)
    return ArtworkMap(LAYOUT.digest, DAY, 5, b"abc", choices, run_of, used, codes, explicit)


def read_map(raw: bytes) -> None:
    store = Held(raw, {INFO.key: INFO.to_bytes(), "unpersonalised": raw})
    pages = Lookup(store, LAYOUT, "/i/", names=Pseudonyms())
    page = pages.page("ada")
    for title in LAYOUT.title_ids.tolist():
        page[title]
    pages.urls("ada", LAYOUT.title_ids)
    MapReader(store, LAYOUT, WORDS).draws("ada", DAY)
    ArtworkMap.parse(raw).to_bytes(LAYOUT.width)


def read_layout(raw: bytes) -> None:
    layout = Layout.from_bytes(raw)
    assert Layout.from_bytes(layout.to_bytes(), layout.digest).digest == layout.digest
    layout.slots(np.array([1, 2**40, -1]))
    LAYOUT.translate(layout)
    layout.translate(LAYOUT)
    for slot in range(len(layout.title_ids)):
        layout.candidates(slot)
    chosen = ArtworkMap(
        layout.digest, DAY, 5, b"abc", layout.defaults, np.zeros(len(layout.title_ids), np.uint8),
        (Run(DAY, 7, INFO.nonce, 28, 5),), np.full(len(layout.title_ids), 3, np.uint8),
    )  # fmt: skip
    store = Held(chosen.to_bytes(layout.width), {INFO.key: INFO.to_bytes()})
    page = Lookup(store, layout, "/i/", names=Pseudonyms()).page("ada")
    for title in layout.title_ids.tolist():
        assert isinstance(page[title], str)
    MapReader(store, layout).draws("ada", DAY)


def read_run(raw: bytes) -> None:
    info = RunInfo.from_bytes(raw)
    assert RunInfo.from_bytes(info.to_bytes()) == info
    run = Run(DAY, 7, info.nonce, info.rules.epochs.days, 5)
    held = member_map()
    held = ArtworkMap(*(getattr(held, name) for name in ("layout", "version", "facts", "tag")),
        held.choices, held.run_of, (run,), held.codes)  # fmt: skip
    MapReader(Held(held.to_bytes(), {info.key: raw}), LAYOUT, WORDS).draws("ada", DAY)


def versioned(body: bytes) -> bytes:
    """A shared value of version 7, as stored."""
    return MAGIC + bytes(6) + crc32(body).to_bytes(4) + bytes(4) + (7).to_bytes(8) + body


def look_with(taken: bytes, instead: bytes) -> None:
    """Every page has its images, whatever is said of what is taken down."""
    shared = {"takedown": taken, "instead": instead}
    pages = Lookup(Held(member_map().to_bytes(), shared), LAYOUT, "/i/", names=Pseudonyms())
    assert all(pages.urls("ada", LAYOUT.title_ids))
    assert all(pages.urls_many(["ada"], LAYOUT.title_ids[None]).ravel())


def read_rows(raw: bytes) -> None:
    """Every page has its images, whatever a map says of rows."""
    store = Held(raw, {row_table_key(TABLE.nonce): TABLE.to_bytes()})
    pages = RowLookup(store, layout=LAYOUT, names=Pseudonyms())
    assert all(pages.rows(["ada"], LAYOUT.title_ids[None]).urls[0])
    ArtworkMap.parse(raw).to_bytes(LAYOUT.width)


def read_row_table(body: bytes) -> None:
    table = RowTable.from_bytes(ROWS_MAGIC + crc32(body).to_bytes(4, "little") + body)
    assert RowTable.from_bytes(table.to_bytes()).nonce == table.nonce


def read_takedowns(raw: bytes) -> None:
    look_with(versioned(raw), INSTEAD.to_bytes())
    held = Takedown.from_bytes(versioned(raw))
    assert Takedown.from_bytes(held.to_bytes()) == held
    show(TakenDownList(held.version, sorted(held.artwork_ids), list(held.changes)))


def read_instead(raw: bytes) -> None:
    look_with(TAKEN.to_bytes(), versioned(raw))
    held = Instead.from_bytes(versioned(raw))
    assert Instead.from_bytes(held.to_bytes()) == held


def sealed(raw, rng):
    return with_checksum(of_bytes(raw, rng))


def maps():
    each = [member_map(), member_map(((0, 0.5),)), member_map((), 3), member_map(form_codes=False)]
    return Kind(read_map, [one.to_bytes() for one in each], [of_bytes, sealed, sealed])


def row_maps():
    titles = len(LAYOUT.title_ids)
    ranks, gaps = np.zeros((titles, 2), np.uint8), np.tile([0.0, 0.3], (titles, 1))
    codes = row_codes(ranks + np.arange(2, dtype=np.uint8), gaps, np.full(titles, 0.2))
    part = RowPart(TABLE.nonce, 5, codes, packed_facts(b"{}")).to_bytes()
    each = [replace(member_map(((0, 0.5),)), rows=part), replace(member_map(), rows=part)]
    return Kind(read_rows, [one.to_bytes() for one in each], [of_bytes, sealed, sealed])


def row_tables():
    return Kind(read_row_table, [TABLE.to_bytes()[12:]], [of_bytes])


def layouts():
    seeds = [LAYOUT.to_bytes(), make_layout(2, 2).to_bytes(), orjson.dumps({"title_ids": [1]})]
    return Kind(read_layout, seeds, [of_json, of_json, of_bytes])


def runs():
    return Kind(read_run, [INFO.to_bytes()], [of_json, of_json, of_bytes])


def takedowns():
    return Kind(read_takedowns, [TAKEN.to_bytes()[24:]], [of_json, of_json, of_bytes])


def insteads():
    return Kind(read_instead, [INSTEAD.to_bytes()[24:]], [of_json, of_json, of_bytes])


TARGETS = {
    "maps": maps,
    "row_maps": row_maps,
    "row_tables": row_tables,
    "layouts": layouts,
    "runs": runs,
    "takedowns": takedowns,
    "insteads": insteads,
}
