"""`python -m evaluate candidates`: what images that nobody has shown would earn, and for whom."""

from datetime import date
from pathlib import Path

from rich.console import Console
from rich.table import Column, Table

from data.catalogue import Catalogue
from data.check.known import title_named
from data.errors import BadInput
from evaluate.new_artwork.audience import NewMembers, viewers
from evaluate.new_artwork.page import write_judged
from evaluate.new_artwork.records import NewArtwork
from evaluate.new_artwork.value_images import value_images
from evaluate.new_artwork.what_is_known import what_is_known
from evaluate.policies.cache_folder import cache_folder
from evaluate.policies.read_examples import read_examples
from serve.scoring.scorer import Scorer


# Each parameter is an option of the command.
def candidates(
    images: list[str],
    title: str,
    catalogue: str,
    bundle: str = "artifacts/bundles/current",
    log: str | None = None,
    where: str | None = None,
    facts: str | None = None,
    audience: str | None = None,
    members: int = 2000,
    day: str | None = None,
    html: str | None = None,
    cache: str | None = None,
) -> NewArtwork:
    """Judge images that nobody has shown as candidates of a title.

    Args:
        images: files of any kind that `data check` accepts.
        title: id of the title that they are for.
        catalogue: folder of titles.parquet and artworks.parquet.
        bundle: that judges.
        log: joined examples, or a log folder, best of days after the bundle's training: what the
            title earns, whom it is shown to, and how well the bundle foresaw artwork that came
            since. Without, what training had of the title.
        where: SQL over the columns of the log's examples: only rows that it holds for, such as
            "facts.country = 'NO'".
        facts: Parquet with profile_id and facts (profiles, joined examples) of the members to
            judge for; if not given those who were shown the title in the log, or profiles.parquet
            or examples in or beside the catalogue.
        audience: only members for whom segment=value holds (with commas between: all of them);
            segments are country, language, device, day_part and genre, the most watched.
        members: judge for at most so many.
        day: on which the title has its candidates, as 2026-01-31; today if not given.
        html: write a page with plots and the images here.
        cache: folder to keep decoded images in.
    """
    if not images:
        raise BadInput("no image is given; name at least one file")
    if len(set(images)) < len(images):
        raise BadInput("an image is given twice; name each once")
    if members < 1:
        raise BadInput(f"--members {members}: there must be at least 1")
    try:
        when = date.fromisoformat(day) if day else date.today()
    except ValueError:
        raise BadInput(f"--day {day!r} is no date; write it as 2026-01-31") from None
    offered = Catalogue.read(catalogue)
    try:
        title_id = title_named(offered, title)
    except BadInput as error:
        raise BadInput(f"--title {title}: {error}") from None
    examples = None if log is None else read_examples(log, offered, where=where)
    if examples is not None and facts is None:
        people = viewers(examples, title_id, members)
    else:
        people = NewMembers.read(_find_facts(offered.root, facts), members)
    with cache_folder(cache) as folder:
        scorer = Scorer(bundle, threads=2, judging=True)
        known = what_is_known(scorer, offered, title_id, examples, folder)
        value = value_images(
            scorer, offered, title_id, images, people.only(audience), when, folder, known
        )
    if html is not None:
        write_judged(value, offered, Path(html))
    return value


def _find_facts(root: Path, facts: str | None) -> Path:
    if facts is not None:
        return Path(facts)
    for folder in (root, root.parent):
        for name in ("profiles.parquet", "examples"):
            if (folder / name).exists():
                return folder / name
    raise BadInput(
        f"no profiles.parquet or examples in or beside {root}; give --facts, Parquet with "
        "profile_id and facts of the members to judge for"
    )


def show(value: NewArtwork) -> None:
    """Images, the curve of value, and the kinds of image to commission next."""
    console = Console()
    for words in value.words:
        console.print(words, highlight=False)
    table = Table(Column("image", overflow="fold"), "to known artwork", "expected take")
    for title in ("best of all", "adds to the title", "most for"):
        table.add_column(title)
    for image in value.images:
        ratio, adds = image.ratio, image.adds
        table.add_row(
            image.name,
            f"× {ratio.value:.2f}\n{ratio.low:.2f} … {ratio.high:.2f}",
            f"{image.expected_take:.4f}\n{image.low:.4f} … {image.high:.4f}",
            f"{image.probability_of_best:.0%}",
            f"{adds.value:+.4f}\n{adds.low:+.4f} … {adds.high:+.4f}",
            "\n".join(f"{name} {image.audience[name].adds:+.4f}" for name in image.most_for[:2])
            or "nobody more than others",
        )
    console.print(table)
    today = value.today
    console.print(
        f"{value.members:,} members; of its {len(today.artworks)} artworks of today the bundle "
        f"chooses those from which the title is expected to earn {today.value:.4f}"
    )
    table = Table("candidates", "add", "value", "gain", title="in the order of what each adds")
    for point in value.curve:
        name = f"{Path(point.artwork).name} (new)" if point.new else point.artwork
        table.add_row(str(point.candidates), name, f"{point.value:.4f}", f"{point.gain:+.4f}")
    console.print(table)
    if value.commission_next:
        table = Table("commission next", "images", "would add", "such as")
        for kind in value.commission_next[:6]:
            interval = f"{kind.gain:+.5f}\n{kind.low:+.5f} … {kind.high:+.5f}"
            table.add_row(kind.kind, str(kind.images), interval, kind.best)
        console.print(table)
