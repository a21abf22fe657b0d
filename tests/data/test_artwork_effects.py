import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.artwork_effects import ArtworkRecords, directions
from data.errors import BadInput

RANK, DRAWS, DIMENSION = 3, 5, 12


def made(**changed):
    given = {
        "artwork_ids": ["b", "a"],
        "vectors": np.array([[1.0, 2, 3], [4, 5, 6]], np.float32),
        "levels": np.array([0.5, -0.25], np.float32),
        "doubt": np.array([[0.3, 0, 0, 0, 0.4], [0, 0, 0.25, 0, 0]], np.float32),
        "explored": np.array([0.5, 1.0], np.float32),
        "prior": 0.5,
        "prior_explored": 0.25,
    }
    return ArtworkRecords(**given | changed)


def towers():
    """Vectors of three artworks, all of whose numbers differ."""
    return np.arange(3 * DIMENSION, dtype=np.float32).reshape(3, DIMENSION) / 100


def test_numbers_join_the_vector_at_their_places():
    found = made().joined(towers(), ["a", "new", "b"]) - towers()
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[:, :RANK], [[4, 5, 6], [0, 0, 0], [1, 2, 3]], atol=1e-6)
    assert (found[:, RANK : DIMENSION - 1 - DRAWS] == 0).all()
    np.testing.assert_allclose(found[:, -1 - DRAWS], [-0.25, 0, 0.5], atol=1e-6)


def test_an_artwork_with_a_record_has_the_records_doubt_and_another_the_towers_and_the_priors():
    records = made()
    doubt = records.joined(towers(), ["a", "new", "b"])[:, -DRAWS:]
    np.testing.assert_allclose(doubt[[0, 2]], [[0, 0, 0.25, 0, 0], [0.15, 0, 0, 0, 0.2]])
    own = doubt[1] / records.prior_explored - towers()[1, -DRAWS:]
    assert np.linalg.norm(own) == pytest.approx(records.prior, rel=1e-5)
    np.testing.assert_allclose(records.deviations, [0.5, 0.25])


def test_to_judge_all_of_the_doubt_is_shown_and_nothing_else_differs():
    records, ids = made(), ["a", "new", "b"]
    found, judged = records.joined(towers(), ids), records.judging().joined(towers(), ids)
    wider = judged[:, -DRAWS:] * np.array([[1], [0.25], [0.5]])
    np.testing.assert_allclose(wider, found[:, -DRAWS:], rtol=1e-6)
    assert (judged[:, :-DRAWS] == found[:, :-DRAWS]).all()


def test_one_head_has_no_doubt(tmp_path):
    one = made(doubt=np.zeros((2, 0), np.float32))
    found = one.joined(np.zeros((2, 4)), ["a", "new"])
    assert found.tolist() == [[4, 5, 6, -0.25], [0, 0, 0, 0]]
    one.write(tmp_path / "records.parquet")
    assert ArtworkRecords.read(tmp_path / "records.parquet", one.said).draws == 0


def test_records_of_a_bundle_from_before_doubts_were_draws_are_read(tmp_path):
    columns = {
        "artwork_id": ["a"],
        "vector": pa.FixedSizeListArray.from_arrays(pa.array([1.0, 2, 3], pa.float32()), 3),
        "level": [0.5],
        "deviation": [0.125],
    }
    pq.write_table(pa.table(columns), tmp_path / "records.parquet")
    said = {"artworks": 1, "rank": 3, "prior": 0.25, "doubts": 5, "to_judge": 4.0}
    records = ArtworkRecords.read(tmp_path / "records.parquet", said)
    for read, lengths in ((records, [0.125, 0.25]), (records.judging(), [0.5, 1.0])):
        doubt = read.joined(np.zeros((2, DIMENSION)), ["a", "new"])[:, -DRAWS:]
        np.testing.assert_allclose(np.linalg.norm(doubt, axis=1), lengths, rtol=1e-6)


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
    assert (again.joined(towers(), names) == records.joined(towers(), names)).all()
    said = {"artworks": 2, "rank": 3, "draws": 5, "prior": 0.5, "prior_explored": 0.25}
    assert again.said == said


@pytest.mark.parametrize(
    "changed",
    [
        {"levels": np.zeros(3)},
        {"levels": np.array([0.0, np.nan])},
        {"vectors": np.full((2, 3), np.inf)},
        {"explored": np.array([0.1, -0.1])},
        {"prior": -1.0},
        {"doubt": np.zeros((2, 65))},
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
