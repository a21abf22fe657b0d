"""`python -m simulate catalogue`: a catalogue of rendered posters, in the public format."""

from simulate.posters.subjects import Subjects, named
from simulate.progress import progress_bar
from simulate.world.catalogue import Rendering, write_catalogue


# Each parameter is an option of the command.
def catalogue(
    subjects: str,
    out: str,
    titles: int = 60,
    artworks: int = 6,
    seed: int = 1,
    exclude_subjects: str | None = None,
    include_subjects: str | None = None,
    arrivals: float = 0.2,
    width: int = 320,
    image_format: str = "webp",
    workers: int = 2,
) -> dict[str, object]:
    """Render a catalogue of titles and posters from a folder of cut-outs.

    Args:
        subjects: folder of cut-outs with subjects.csv (columns file, theme).
        out: new or empty folder to write into.
        titles: how many titles.
        artworks: how many artworks a title.
        seed: the same seed and cut-outs give the same catalogue.
        exclude_subjects: names to leave out, with commas between, or a file with one a line.
        include_subjects: the only names to use, given likewise.
        arrivals: share of titles and artwork that come during the first four weeks.
        width: of the posters in pixels.
        image_format: webp or jpg.
        workers: processes to render with.
    """
    pool = Subjects.read(subjects, named(exclude_subjects), named(include_subjects))
    rendering = Rendering(width, image_format, workers)
    with progress_bar("posters", titles * artworks) as done:
        counts = write_catalogue(pool, titles, artworks, seed, out, arrivals, rendering, done)
    return {"catalogue": out, **counts}
