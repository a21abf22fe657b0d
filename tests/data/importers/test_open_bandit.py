"""The Open Bandit Dataset as Marquee's own records."""

import gzip
import shutil
from pathlib import Path

import numpy as np
import pyarrow.csv as csv
import pytest

from data.catalogue import Catalogue
from data.check.command import check
from data.check.examples import read_examples
from data.check.path import check_path
from data.errors import BadInput
from data.importers.open_bandit import SCHEMA, open_bandit, read_open_bandit
from data.records import ARTWORKS, EXAMPLES, TITLES
from data.schema import read_schema

SOURCE = Path(__file__).parents[3] / "sample" / "open_bandit"


@pytest.mark.parametrize(("policy", "clicks"), [("random", 46), ("bts", 69)])
def test_every_impression_becomes_an_example(policy, clicks):
    read = read_open_bandit(SOURCE, "men", policy)
    log = csv.read_csv(SOURCE / policy / "men" / "men.csv.gz")
    examples = read.examples
    assert examples.schema == EXAMPLES
    assert examples.num_rows == 10_000
    assert examples["reward"].to_numpy().sum() == clicks
    assert examples["propensity"].to_pylist() == log["propensity_score"].to_pylist()
    assert examples["action"].to_pylist() == [f"men-{i}" for i in log["item_id"].to_pylist()]
    facts = examples["facts"].combine_chunks()
    columns = facts.field("column").to_numpy()
    np.testing.assert_array_equal(columns, log["position"].to_numpy() - 1)
    own = [dict(row) for row in facts.field("own").to_pylist()]
    for k in range(4):
        told = [row[f"user_feature_{k}"]["names"] for row in own]
        assert told == [[value] for value in log[f"user_feature_{k}"].to_pylist()]
    assert facts.field("watched_genres").null_count == len(facts)  # nothing is put where it is not
    affinity = [sum(row["clicked_items"]["numbers"]) for row in own]
    names = [n for n in log.column_names if n.startswith("user-item_affinity_")]
    np.testing.assert_allclose(affinity, sum(log[n].to_numpy() for n in names))


def test_items_are_described_alike_under_both_policies():
    one, other = (read_open_bandit(SOURCE, "men", p) for p in ("random", "bts"))
    assert one.item_features.shape == (34, 1 + 7 + 16 + 4)
    assert one.item_features.dtype == np.float32
    np.testing.assert_array_equal(one.item_features, other.item_features)
    assert (one.item_features[:, 1:].sum(1) == 3).all()
    assert one.titles.schema == TITLES
    assert one.artworks.schema == ARTWORKS
    assert not set(one.examples["decision_id"].to_pylist()) & set(
        other.examples["decision_id"].to_pylist()
    )


def test_what_is_imported_passes_the_check(tmp_path: Path):
    result = open_bandit(SOURCE, "men", tmp_path)
    assert result.random.click_rate == pytest.approx(0.0046)
    assert result.bts.click_rate == pytest.approx(0.0069)
    catalogue = Catalogue.read(tmp_path / "catalogue")
    assert catalogue.embeddings is not None
    assert catalogue.embeddings.shape == (34, 28)
    assert read_schema(tmp_path / "catalogue") == SCHEMA
    assert check(tmp_path / "catalogue").undeclared == []
    assert check(tmp_path / "bts", tmp_path / "catalogue").undeclared == []
    assert check_path(tmp_path / "catalogue") == []
    assert check_path(tmp_path / "random", tmp_path / "catalogue") == []
    read = read_examples(tmp_path / "bts" / "examples", catalogue.artwork_ids)
    assert read == read_open_bandit(SOURCE, "men", "bts").examples


def test_the_full_release_is_not_compressed(tmp_path: Path):
    shutil.copytree(SOURCE / "random", tmp_path / "random")
    file = tmp_path / "random" / "men" / "men.csv.gz"
    (file.with_suffix("")).write_bytes(gzip.decompress(file.read_bytes()))
    file.unlink()
    read = read_open_bandit(tmp_path).examples
    assert read == read_open_bandit(SOURCE).examples


def changed(folder: Path, old: str, new: str) -> Path:
    (folder / "random" / "men").mkdir(parents=True)
    source = SOURCE / "random" / "men"
    shutil.copy(source / "item_context.csv", folder / "random" / "men")
    text = gzip.decompress((source / "men.csv.gz").read_bytes()).decode()
    (folder / "random" / "men" / "men.csv").write_text(text.replace(old, new, 1))
    return folder


def test_what_is_wrong_is_said(tmp_path: Path):
    with pytest.raises(BadInput, match=r"item_context\.csv is missing"):
        read_open_bandit(SOURCE, "women")
    with pytest.raises(BadInput, match="column click is missing"):
        read_open_bandit(changed(tmp_path / "a", "click", "klick"))
    with pytest.raises(BadInput, match=r"men\.csv, column propensity, row 0: 0\.0"):
        read_open_bandit(changed(tmp_path / "b", "0.029411764705882353", "0.0"))
    with pytest.raises(BadInput, match=r"item_id, row 0: 99 is not in item_context"):
        read_open_bandit(changed(tmp_path / "c", ",14,3,0,", ",99,3,0,"))
