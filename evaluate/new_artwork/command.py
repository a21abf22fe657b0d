"""`python -m evaluate candidates`: what images that nobody has shown would earn, and for whom."""

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.table import Table

from data.catalogue import Catalogue
from data.errors import BadInput
from evaluate.new_artwork.audience import Audience
from evaluate.new_artwork.judge import Judged, judge_images
from serve.scoring.scorer import Scorer


def candidates(
    images: list[str], title: int, catalogue: str, bundle: str = "artifacts/bundles/current",
    facts: str | None = None, audience: str | None = None, members: int = 2000,
    day: str | None = None, html: str | None = None, cache: str | None = None,
    json: bool = False,
) -> dict[str, Any] | None:  # fmt: skip
    """Judge images that nobody has shown as candidates of a title.

    Args:
        images: files of any kind that `data check` accepts.
        title: id of the title that they are for.
        catalogue: folder of titles.parquet and artworks.parquet.
        bundle: that judges.
        facts: Parquet with profile_id and facts (profiles, joined examples) of the members to
            judge for; profiles.parquet or examples in or beside the catalogue if not given.
        audience: only members for whom segment=value holds (with commas between: all of them);
            segments are country, language, device, day_part and genre, the most watched.
        members: judge for at most so many.
        day: on which the title has its candidates, as 2026-01-31; today if not given.
        html: write a page with plots and the images here.
        cache: folder to keep decoded images in.
        json: print one JSON object instead of tables.
    """
    if not images:
        raise BadInput("no image is given; name at least one file")
    if len(set(images)) < len(images):
        raise BadInput("an image is given twice; name each once")
    try:
        when = date.fromisoformat(day) if day else date.today()
    except ValueError:
        raise BadInput(f"--day {day!r} is no date; write it as 2026-01-31") from None
    where = Catalogue.read(catalogue)
    people = Audience.read(_find_facts(where.root, facts), members).only(audience)
    with TemporaryDirectory(prefix="images.") as made:
        found = judge_images(
            Scorer(bundle, threads=2, judging=True),
            where,
            title,
            images,
            people,
            when,
            cache or made,
        )
    if html is not None:
        from evaluate.new_artwork.page import write_page

        write_page(found, where, title, len(people), Path(html))
    if json:
        return as_plain(found) | {"title": title, "members": len(people)}
    _show(found, len(people))
    return None


def as_plain(found: Judged) -> dict[str, Any]:
    """All of it in numbers and words."""
    return {
        "today": {"artworks": found.today, **found.value._asdict()},
        "images": [
            {
                "image": v.image, "expected_take": v.take.value, "low": v.take.low,
                "high": v.take.high, "probability_of_best": v.best, "adds": v.adds._asdict(),
                "audience": v.audience,
            }
            for v in found.images
        ],
        "curve": [
            {
                "candidates": at, "artwork": found.names[step.artwork],
                "new": found.names[step.artwork] not in found.today,
                **step.value._asdict(), "gain": step.gain,
            }
            for at, step in enumerate(found.curve, start=1)
        ],
        "commission_next": [kind._asdict() for kind in found.kinds],
    }  # fmt: skip


def _find_facts(root: Path, given: str | None) -> Path:
    if given is not None:
        return Path(given)
    for folder in (root, root.parent):
        for name in ("profiles.parquet", "examples"):
            if (folder / name).exists():
                return folder / name
    raise BadInput(
        f"no profiles.parquet or examples in or beside {root}; give --facts, Parquet with "
        "profile_id and facts of the members to judge for"
    )


def _show(found: Judged, members: int) -> None:
    console = Console()
    table = Table("image", "expected take", "best of all", "adds to the title", "most for")
    for v in found.images:
        most = sorted(v.audience.items(), key=lambda item: -item[1]["adds"])[:2]
        table.add_row(
            Path(v.image).name, f"{v.take.value:.4f}\n{v.take.low:.4f} … {v.take.high:.4f}",
            f"{v.best:.0%}", f"{v.adds.value:+.4f}\n{v.adds.low:+.4f} … {v.adds.high:+.4f}",
            "\n".join(f"{name} {said['adds']:+.4f}" for name, said in most),
        )  # fmt: skip
    console.print(table)
    console.print(
        f"{members:,} members; with its {len(found.today)} artworks of today the title is "
        f"expected to earn {found.value.value:.4f}, {found.value.low:.4f} … {found.value.high:.4f}"
    )
    table = Table("candidates", "add", "value", "gain", title="in the order of what each adds")
    for at, step in enumerate(found.curve, start=1):
        name = found.names[step.artwork]
        table.add_row(
            str(at), name if name in found.today else f"{Path(name).name} (new)",
            f"{step.value.value:.4f}", f"{step.gain:+.4f}",
        )  # fmt: skip
    console.print(table)
    if found.kinds:
        table = Table("commission next", "images", "would add", "such as")
        for kind in found.kinds[:6]:
            interval = f"{kind.gain:+.5f}\n{kind.low:+.5f} … {kind.high:+.5f}"
            table.add_row(kind.kind, str(kind.images), interval, kind.best)
        console.print(table)
