import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.artwork_effects import ArtworkRecords, directions
from data.errors import BadInput

RANK, DOUBTS, DIMENSION = 3, 5, 12


def made(**changed):
    given = {
        "artwork_ids": ["b", "a"],
        "vectors": np.array([[1.0, 2, 3], [4, 5, 6]], np.float32),
        "levels": np.array([0.5, -0.25], np.float32),
        "deviations": np.array([0.125, 0.0625], np.float32),
        "prior": 0.5,
        "doubts": DOUBTS,
    }
    return ArtworkRecords(**given | changed)


def test_numbers_join_the_vector_at_their_places():
    found = made().added(["a", "new", "b"], DIMENSION)
    assert found.dtype == np.float32
    assert found[:, :RANK].tolist() == [[4, 5, 6], [0, 0, 0], [1, 2, 3]]
    assert (found[:, RANK : DIMENSION - 1 - DOUBTS] == 0).all()
    assert found[:, -1 - DOUBTS].tolist() == [-0.25, 0, 0.5]
    lengths = np.linalg.norm(found[:, -DOUBTS:], axis=1)
    np.testing.assert_allclose(lengths, [0.0625, 0.5, 0.125], rtol=1e-6)


def test_to_judge_doubt_is_scaled_and_nothing_else():
    records = made(to_judge=4.0)
    judging = records.judging()
    assert judging.deviations.tolist() == [0.5, 0.25]
    assert (judging.prior, judging.to_judge) == (2.0, 1.0)
    ids = ["a", "new"]
    found, scaled = records.added(ids, DIMENSION), judging.added(ids, DIMENSION)
    np.testing.assert_allclose(scaled[:, -DOUBTS:], 4 * found[:, -DOUBTS:])
    assert (scaled[:, :-DOUBTS] == found[:, :-DOUBTS]).all()


def test_one_head_has_no_doubt():
    found = made(doubts=0).added(["a", "new"], 4)
    assert found.tolist() == [[4, 5, 6, -0.25], [0, 0, 0, 0]]


def test_directions_are_of_the_id_alone_and_differ():
    two = directions(["a", "b"], 4).tolist()
    assert two == [[0.5, 0.5, 0.5, 0.5], [0.5, 0.5, -0.5, 0.5]]
    many = directions([f"artwork-{i}" for i in range(2000)], 15)
    np.testing.assert_allclose(np.linalg.norm(many, axis=1), 1)
    assert np.abs(many.mean(0)).max() < 0.03
    assert np.abs(np.corrcoef(many.T) - np.eye(15)).max() < 0.1
    assert (directions(["artwork-7", "x"], 15)[0] == many[7]).all()


def test_what_was_written_is_read_again(tmp_path):
    records = made()
    records.write(tmp_path / "records.parquet")
    again = ArtworkRecords.read(tmp_path / "records.parquet", records.said)
    names = ["new", "b", "a"]
    assert (again.added(names, DIMENSION) == records.added(names, DIMENSION)).all()
    assert again.said == {"artworks": 2, "rank": 3, "prior": 0.5, "doubts": 5, "to_judge": 1.0}


@pytest.mark.parametrize(
    "changed",
    [
        {"levels": np.zeros(3)},
        {"levels": np.array([0.0, np.nan])},
        {"vectors": np.full((2, 3), np.inf)},
        {"deviations": np.array([0.1, -0.1])},
        {"prior": -1.0},
        {"doubts": 65},
        {"artwork_ids": ["a", "a"]},
    ],
)
def test_numbers_that_no_record_has_are_refused(changed):
    with pytest.raises(ValueError, match=r"levels|finite|below 0|0 to 64|two records"):
        made(**changed)


def test_a_file_that_holds_no_records_is_refused_by_name(tmp_path):
    file = tmp_path / "records.parquet"
    records = made()
    records.write(file)
    for said in (None, {}, records.said | {"rank": 2}, records.said | {"artworks": 3}):
        with pytest.raises(BadInput, match=r"records\.parquet holds no records"):
            ArtworkRecords.read(file, said)
    pq.write_table(pa.table({"artwork_id": ["a"]}), file)
    with pytest.raises(BadInput, match="train and export again"):
        ArtworkRecords.read(file, records.said)
    file.write_bytes(b"PAR1")
    with pytest.raises(BadInput, match="holds no records"):
        ArtworkRecords.read(file, records.said)
