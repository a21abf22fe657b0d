import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve.maps.artwork_map import (
    RUNS_MAX,
    ArtworkMap,
    CorruptMapError,
    Run,
    encode_maps,
    map_bytes,
)
from serve.maps.layout import Layout
from tests.serve.world import make_layout


@st.composite
def maps(draw):
    titles = draw(st.integers(1, 40))
    runs = draw(
        st.lists(
            st.builds(
                Run,
                st.integers(0, 2**16 - 1),
                st.integers(0, 2**64 - 1),
                st.integers(0, 2**64 - 1),
                st.integers(0, 366),
                st.integers(0, 2**32 - 1),
            ),
            min_size=1,
            max_size=RUNS_MAX,
        )
    )
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    return ArtworkMap(
        rng.bytes(8),
        draw(st.integers(0, 2**64 - 1)),
        draw(st.integers(0, 2**32 - 1)),
        rng.bytes(3),
        rng.integers(-1, 60_000, titles),
        rng.integers(0, len(runs), titles).astype(np.uint8),
        tuple(runs),
        rng.integers(0, 256, titles).astype(np.uint8),
        tuple((slot, rng.random()) for slot in range(0, titles, 7)),
    )


@given(maps(), st.sampled_from([2, 4]))
def test_a_map_is_read_as_it_was_written(written, width):
    read = ArtworkMap.parse(written.to_bytes(width))
    assert read.version == written.version
    assert (read.layout, read.facts, read.tag) == (written.layout, written.facts, written.tag)
    assert read.runs == written.runs
    np.testing.assert_array_equal(read.choices, written.choices)
    np.testing.assert_array_equal(read.run_of, written.run_of)
    np.testing.assert_array_equal(read.codes, written.codes)
    assert read.explicit == written.explicit


@given(maps(), st.data())
def test_a_map_with_any_byte_changed_or_cut_is_refused(written, data):
    raw = bytearray(written.to_bytes())
    at = data.draw(st.integers(0, len(raw) - 1))
    with pytest.raises(CorruptMapError):
        ArtworkMap.parse(bytes(raw[:at]))
    raw[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(CorruptMapError):
        ArtworkMap.parse(bytes(raw))


def test_300_titles_fit_in_1300_bytes_and_a_fortnight_of_runs_in_1600():
    assert map_bytes(300, 2, 1) == 1264
    assert map_bytes(300, 2, 15) <= 1600
    run = (Run(1, 2, 3),)
    choices = np.zeros((1, 300), np.int64)
    raw = encode_maps(
        b"x" * 8, 2, np.ones(1, np.uint64), np.ones(1), choices, choices.astype("u1"), [run]
    )
    assert len(raw[0]) == 1264


def test_a_map_of_before_there_were_epochs_is_read():
    body = b"MQ\x01\x01" + struct.pack("<I8s", 2, b"layout!!") + (9).to_bytes(8, "big")
    body += struct.pack("<IB3s", 77, 1, b"tag") + struct.pack("<2H", 3, 5) + b"\0\0"
    body += struct.pack("<i4xQQ", 20_000, 7, 11)
    read = ArtworkMap.parse(body + zlib.crc32(body).to_bytes(4, "little"))
    assert (read.version, read.choices.tolist(), read.codes) == (9, [3, 5], None)
    assert read.runs == (Run(20_000, 7, 11, 0, 0),)


def test_a_layout_is_read_as_it_was_written_and_named_by_its_content(layout):
    read = Layout.from_bytes(layout.to_bytes())
    assert read.digest == layout.digest
    assert read.artwork_ids == layout.artwork_ids
    assert make_layout(seed=1).digest != layout.digest


def test_a_layout_translates_an_older_one_by_artwork(layout):
    gone = layout.artwork_ids[2]
    newer = make_layout(drop=(gone,))
    moved = newer.translate(layout)
    assert moved[2] == -1
    assert all(
        newer.artwork_ids[there] == name
        for there, name in zip(moved.tolist(), layout.artwork_ids, strict=True)
        if there >= 0
    )


@pytest.mark.parametrize(
    ("titles", "message"),
    [([5, 3], "ascend"), ([3, 3], "ascend"), ([], "no title")],
)
def test_a_layout_that_makes_no_sense_is_refused(titles, message):
    count = len(titles)
    names = tuple(map(str, range(count)))
    with pytest.raises(ValueError, match=message):
        Layout(np.array(titles, np.uint32), names, names, np.arange(count + 1), np.arange(count))
