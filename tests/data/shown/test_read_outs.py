"""What pictures show is read right, of titles that were left out and of catalogues never met."""

import numpy as np
import pyarrow as pa
import pytest

from data.errors import BadInput
from data.features import candidate_features, context_features
from data.records import FACTS
from data.schema import Schema
from data.shown.catalogue_sets import CatalogueSets
from data.shown.cross_fitted import PARTS, title_keys
from data.shown.matches import shown_matches
from data.shown.read_outs import ReadOuts
from data.shown.with_shown import with_shown
from tests.data.shown.planted import READ, THEMES, planted, specification

MET, NEW = planted(), planted(seed=1, titles=30, first=1000)
SPEC = specification(MET)
FITTED = ReadOuts.fit(MET.features, SPEC, *MET.tables)


def read(of, fitted=FITTED, **changed):
    return fitted.read(changed.get("features", of.features), SPEC, *of.tables)


def without(of, column):
    """A catalogue of which nobody tagged that."""
    at = of.artworks.schema.get_field_index(column)
    nulls = pa.nulls(len(of.artworks), of.artworks.schema.field(at).type)
    return of._replace(artworks=of.artworks.set_column(at, column, nulls))


def contrast_shown(of, shares):
    """What is truly shown beyond what the title is."""
    return np.eye(len(THEMES))[of.theme] - shares


def guesses(of, shown):
    """Rows with a guess, whether the likeliest name is right, and what probabilities sum to."""
    guessed = shown.guessed
    rows = np.unique(guessed.row)
    best = {}
    for row, code, probability in zip(guessed.row, guessed.code, guessed.probability, strict=True):
        best[row] = max(best.get(row, (0.0, "")), (probability, guessed.distinct[code]))
    right = np.array([best[row][1] == of.shown[row] for row in rows])
    return rows, right, np.bincount(guessed.row, guessed.probability)[rows]


@pytest.mark.parametrize("of", [MET, NEW], ids=["cross-fitted", "never met"])
@pytest.mark.parametrize("name", ["titles.genres", "titles.subjects"])
def test_the_contrast_to_the_title_is_what_is_shown(of, name):
    shown = read(of).of(f"{name} shown")
    sets = CatalogueSets.of(SPEC, *of.tables)
    shares = next(one.shares for one in sets.titles if one.name == name)[sets.title_of]
    assert np.corrcoef(shown.ravel(), contrast_shown(of, shares).ravel())[0, 1] > 0.9
    np.testing.assert_allclose(shown.sum(1), 0, atol=1e-5)


def test_a_title_is_read_by_a_fit_that_has_not_seen_it():
    untagged = without(MET, "cast_shown")
    part = title_keys(MET.titles["title_id"].to_pylist()) % np.uint64(PARTS)
    has = MET.titles["genres"].to_pylist()
    lies = [
        [name for name in THEMES if name not in names] or names[:1] if one == part[0] else names
        for one, names in zip(part, has, strict=True)
    ]
    at = MET.titles.schema.get_field_index("genres")
    lying = MET.titles.set_column(at, "genres", pa.array(lies))
    told, lied = (
        ReadOuts.fit(MET.features, SPEC, titles, untagged.artworks)
        .read(MET.features, SPEC, *untagged.tables)
        .of("titles.genres shown")
        for titles in (MET.titles, lying)
    )
    same = np.repeat(part == part[0], 5)
    np.testing.assert_allclose(lied[same], told[same], atol=0.01)
    assert np.abs(lied[~same] - told[~same]).max() > 0.1


def test_what_is_foreign_to_the_title_is_a_share_that_only_misleading_pictures_have():
    shown = read(NEW).of("titles.genres foreign")
    assert ((shown[:, :2] >= 0) & (shown[:, :2] <= 1)).all()
    has = [set(names) for names in NEW.titles["genres"].to_pylist()]
    wrong = np.arange(len(NEW.features)) % 5 == 0
    lacks = np.array([len(has[at // 5]) < len(THEMES) for at in range(len(wrong))])
    theirs = [
        next((k for k, name in enumerate(THEMES) if name not in has[at // 5]), None)
        for at in range(len(wrong))
    ]
    features = NEW.features.copy()
    for at in np.flatnonzero(wrong & lacks):
        features[at] = NEW.features[NEW.theme == theirs[at]][0]
    misled = read(NEW, features=features).of("titles.genres foreign")
    assert misled[wrong & lacks, 1].mean() > 0.6 > 0.3 > misled[~wrong & lacks, 1].mean()
    assert (misled[~lacks, 1] == 0).all()


@pytest.mark.parametrize("of", [MET, NEW], ids=["met", "never met"])
def test_names_are_guessed_of_untagged_pictures_alone(of):
    rows, right, sums = guesses(of, read(of))
    untagged = ~np.asarray(of.artworks["cast_shown"].is_valid())
    np.testing.assert_array_equal(rows, np.flatnonzero(untagged))
    np.testing.assert_allclose(sums, 1)
    assert right.mean() > 0.8


def test_whoever_tagged_a_picture_with_nobody_is_believed():
    tags = [names if names else [] for names in MET.artworks["cast_shown"].to_pylist()]
    at = MET.artworks.schema.get_field_index("cast_shown")
    field = MET.artworks.schema.field(at)
    told = MET._replace(artworks=MET.artworks.set_column(at, field, pa.array(tags, field.type)))
    assert not len(read(told).guessed.row)


def test_nobody_is_guessed_where_there_is_nothing_to_know_them_by():
    assert not len(read(without(NEW, "cast_shown")).guessed.row)
    cast = pa.array([names[:1] for names in MET.titles["cast"].to_pylist()])
    alone = MET._replace(titles=MET.titles.set_column(3, "cast", cast))
    assert not len(read(alone).guessed.row)


def test_a_part_of_a_catalogue_is_read_as_the_whole():
    gallery = FITTED.gallery_of(NEW.features, SPEC, *NEW.tables)
    some = np.arange(0, len(NEW.features), 3)
    whole = FITTED.read(NEW.features, SPEC, *NEW.tables, gallery)
    part = FITTED.read(
        NEW.features[some], SPEC, NEW.titles, NEW.artworks.take(pa.array(some)), gallery
    )
    np.testing.assert_allclose(part.columns, whole.columns[some], atol=1e-5)
    guessed = dict(zip(whole.guessed.row, whole.guessed.row, strict=True))
    assert {int(some[row]) for row in part.guessed.row} == set(guessed) & set(some.tolist())
    by_row = np.bincount(whole.guessed.row, whole.guessed.probability**2, len(NEW.features))
    own = np.bincount(part.guessed.row, part.guessed.probability**2, len(some))
    np.testing.assert_allclose(own, by_row[some], atol=1e-5)


@pytest.mark.parametrize("name", ["artworks.tone", "artworks.tags"])
def test_tags_count_as_they_are_and_are_guessed_where_there_are_none(name):
    shown, sets = read(NEW).of(name), CatalogueSets.of(SPEC, *NEW.tables)
    shares = next(one.shares for one in sets.artworks if one.name == name)
    tagged = shares.sum(1) > 0
    base = shown[tagged][0] - shares[tagged][0]
    np.testing.assert_allclose(shown[tagged], shares[tagged] + base, atol=1e-6)
    truth = NEW.theme % shares.shape[1]
    assert (shown[~tagged].argmax(1) == truth[~tagged]).mean() > 0.9


def test_pictures_that_cannot_be_had_are_left_alone():
    gone = np.arange(len(MET.features)) % 4 == 0
    features = np.where(gone[:, None], 0, MET.features).astype(np.float32)
    shown = read(MET, features=features)
    assert not shown.columns[gone].any()
    assert not set(shown.guessed.row) & set(np.flatnonzero(gone))
    at = pa.array(np.flatnonzero(~gone))
    alone = FITTED.read(MET.features[~gone], SPEC, MET.titles, MET.artworks.take(at))
    np.testing.assert_allclose(shown.columns[~gone], alone.columns, atol=1e-5)
    np.testing.assert_allclose(shown.guessed.probability, alone.guessed.probability, atol=1e-5)
    assert not read(MET, features=0 * MET.features).columns.any()


def test_without_features_tags_are_read_as_they_are_and_nothing_is_guessed():
    alike = np.ones((len(MET.features), 1), np.float32)
    fitted = ReadOuts.fit(alike, SPEC, *MET.tables)
    assert [group.name for group in fitted.groups] == ["artworks.tone"]
    any_other = np.random.default_rng(0).normal(size=(len(NEW.features), 9)).astype(np.float32)
    shown = read(NEW, fitted, features=any_other)
    assert not len(shown.guessed.row)
    tone = NEW.artworks["tone"].to_pylist()
    np.testing.assert_array_equal(shown.columns.any(1), [one is not None for one in tone])
    by_tone = {one: row.tolist() for one, row in zip(tone, shown.columns, strict=True)}
    assert len({tuple(row) for row in by_tone.values()}) == 3


def test_what_is_switched_off_is_not_read():
    off = ("titles.genres", "artworks.cast_shown", "artworks.tone")
    spec = specification(MET, Schema(off=off))
    fitted = ReadOuts.fit(MET.features, spec, *MET.tables)
    assert not fitted.groups
    assert not fitted
    assert not len(fitted.read(MET.features, spec, *MET.tables).guessed.row)


def test_a_catalogue_of_a_few_pictures_has_none_read():
    few = planted(titles=2, each=2)
    spec = specification(few, Schema(off=("artworks.tone",)))
    fitted = ReadOuts.fit(few.features, spec, *few.tables)
    assert fitted.read(few.features, spec, *few.tables).columns.shape == (4, 0)


def test_they_survive_the_bundle(tmp_path):
    file = tmp_path / "shown.safetensors"
    FITTED.write(file)
    again = ReadOuts.read_from(file)
    for of in (MET, NEW):
        before, after = read(of), read(of, again)
        np.testing.assert_array_equal(before.columns, after.columns)
        np.testing.assert_array_equal(before.guessed.probability, after.guessed.probability)
        assert before.groups == after.groups
    assert file.stat().st_size < 1_000_000


@pytest.mark.parametrize("content", [b"", b"no tensors", None])
def test_another_file_is_refused(tmp_path, content):
    file = tmp_path / "shown.safetensors"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(BadInput, match="holds no read-outs of pictures"):
        ReadOuts.read_from(file)


def test_counts_of_members_meet_what_is_shown_name_by_name():
    facts = pa.array([{"watched_genres": [("noir", 3.0)], "own": [("read", READ)]}], FACTS)
    member = context_features(SPEC, facts).dense[0]
    features = candidate_features(SPEC, *NEW.tables)
    shown = read(NEW)
    wide = with_shown(features, shown).dense
    found = shown_matches(SPEC, FITTED.groups, features.dense.shape[1])
    assert [one.name for one in found] == ["titles.genres", "artworks.tags", "titles.subjects"]
    genres, tags, subjects = (
        (wide[:, list(one.artwork)] * member[list(one.member)]).sum(1) for one in found
    )
    at = THEMES.index("noir")
    np.testing.assert_allclose(genres, shown.of("titles.genres shown")[:, at], atol=1e-6)
    of = shown.of("titles.subjects shown")
    want = of[:, THEMES.index("sea")] / 6 + of[:, at] * 2 / 6
    np.testing.assert_allclose(subjects, want, atol=1e-6)
    assert not tags.any()


@pytest.mark.parametrize("column", ["cast", "genres", "cast_shown"])
def test_a_null_in_a_list_is_no_name(column):
    def holding(more):
        def told(table):
            if column not in table.column_names:
                return table
            at = table.schema.get_field_index(column)
            lists = [None if names is None else names + more for names in table[column].to_pylist()]
            return table.set_column(at, table.schema.field(at), pa.array(lists, table[column].type))

        return MET._replace(titles=told(MET.titles), artworks=told(MET.artworks))

    plain, nulls = holding([]), holding([None])
    spec = specification(nulls)
    assert spec == specification(plain)
    of_nulls, of_plain = (candidate_features(spec, *of.tables) for of in (nulls, plain))
    for one, other in zip(of_nulls[1:], of_plain[1:], strict=True):  # names
        np.testing.assert_array_equal(one, other)
    fitted = ReadOuts.fit(nulls.features, spec, *nulls.tables)
    assert fitted.gallery.names == FITTED.gallery.names


def test_pictures_that_nothing_tells_apart_have_their_tags_alone():
    """As embeddings of a catalogue of one picture are, all of them zeros."""
    blind = ReadOuts.fit(np.zeros_like(MET.features), SPEC, *MET.tables)
    shown = blind.read(np.zeros_like(NEW.features), SPEC, *NEW.tables)
    assert shown.columns.shape == (len(NEW.artworks), sum(group.width for group in blind.groups))
    assert not len(shown.guessed.row)
