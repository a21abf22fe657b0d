"""Parts of a log are what their names say."""

from evaluate.policies.logged_examples import LoggedExamples
from evaluate.policies.segments import segments


def test_popularity_and_age_are_of_titles_and_newest_candidates(story):
    logged = LoggedExamples.of(story.examples, story.catalogue)
    parts = segments(logged)
    popularity = story.catalogue.titles["popularity"].to_numpy()[logged.title_rows]
    by = parts["popularity"]
    assert popularity[by["head"]].min() > popularity[by["middle"]].max()
    assert popularity[by["middle"]].min() > popularity[by["tail"]].max()
    added = dict(
        zip(
            *(story.catalogue.artworks[c].to_pylist() for c in ("artwork_id", "added_day")),
            strict=True,
        )
    )
    rows = logged.examples.select(["time", "candidates"]).to_pylist()
    for row, young in zip(rows[:500], parts["artwork_age"]["older"][:500], strict=True):
        age = (row["time"].date() - max(added[a] for a in row["candidates"])).days
        assert (age >= 28) == young
