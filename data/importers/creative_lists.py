"""The lists of Alimama's CreativeRanking: impressions and clicks of a creative on a day.

A list (`train_data_list.txt`, …) has a line per creative and day, tab-separated: product, image
file, day, impressions, clicks.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
from jaxtyping import Int

from data.days import day_number
from data.errors import BadInput

COLUMNS = ("item", "image", "day", "impressions", "clicks")
FIRST_DAY = date(2020, 7, 1)
"""Day 0 where a list counts days instead of naming them."""


@dataclass(frozen=True)
class CreativeLists:
    """Every line of the lists, product by product and day by day."""

    items: list[str]
    artworks: list[tuple[int, str]]
    """Per artwork: the index of its product, and its image file."""
    artwork: Int[np.ndarray, " lines"]
    day: Int[np.ndarray, " lines"]
    """Days since 1970."""
    impressions: Int[np.ndarray, " lines"]
    clicks: Int[np.ndarray, " lines"]
    dropped: int
    """Creatives without an image, where those are skipped."""

    @property
    def ids(self) -> list[str]:
        """Artwork ids: an image name may come with two products."""
        return [f"{self.items[item]}/{image}" for item, image in self.artworks]

    @property
    def item(self) -> Int[np.ndarray, " lines"]:
        """The product of each line."""
        return np.array([item for item, _ in self.artworks], np.int64)[self.artwork]


def read_lists(source: Path, lists: list[str] | None, skip_missing: bool) -> CreativeLists:
    """Every line of the lists in a folder.

    Args:
        source: the folder that holds the lists and `images/`.
        lists: names of lists; every `*list*.txt` if None.
        skip_missing: drop creatives without an image file, with their impressions.

    Raises:
        BadInput: a file is missing or a line is wrong: by file and row.
    """
    if not (source / "images").is_dir():
        raise BadInput(f"{source} holds no folder images/; unpack images.zip there")
    names = sorted(f.name for f in source.glob("*list*.txt")) if lists is None else lists
    if not names:
        raise BadInput(f"{source} holds no *list*.txt; unpack list.zip there, or give --lists")
    table = pa.concat_tables([_read_list(source / name) for name in names])
    item_codes = table["item"].combine_chunks().dictionary_encode()
    image_codes = table["image"].combine_chunks().dictionary_encode()
    pairs = np.stack([item_codes.indices.to_numpy(), image_codes.indices.to_numpy()], 1)
    unique, first, artwork = np.unique(pairs, axis=0, return_index=True, return_inverse=True)
    images = image_codes.dictionary.to_pylist()
    here = np.array([(source / "images" / images[code]).is_file() for _, code in unique], bool)
    if not here.all() and not skip_missing:
        at = int(np.flatnonzero(~here)[0])
        raise BadInput(
            f"{source}: {int((~here).sum()):,} of {len(here):,} creatives have no image, such as "
            f"images/{images[unique[at][1]]} (line {int(first[at])} of {', '.join(names)}); "
            "unpack images.zip whole, or give --skip-missing=true to drop them"
        )
    listed = here[artwork.ravel()]
    # Products and creatives are numbered in the order in which kept ones are first listed.
    order = np.flatnonzero(here)[np.argsort(first[here])]
    place = np.full(len(unique), -1)
    place[order] = np.arange(len(order))
    owners = list(dict.fromkeys(int(unique[i][0]) for i in order))
    renumbered = {code: i for i, code in enumerate(owners)}
    items = item_codes.dictionary.to_pylist()
    return CreativeLists(
        items=[items[code] for code in owners],
        artworks=[(renumbered[int(unique[i][0])], images[unique[i][1]]) for i in order],
        artwork=place[artwork.ravel()[listed]],
        day=table["day"].to_numpy()[listed],
        impressions=table["impressions"].to_numpy()[listed],
        clicks=table["clicks"].to_numpy()[listed],
        dropped=int((~here).sum()),
    )


def _read_list(file: Path) -> pa.Table:
    if not file.is_file():
        raise BadInput(f"{file} is missing; unpack list.zip there, or name another list")
    kinds = dict(zip(COLUMNS, [pa.string()] * 3 + [pa.int64()] * 2, strict=True))
    try:
        table = csv.read_csv(
            file,
            csv.ReadOptions(column_names=list(COLUMNS)),
            csv.ParseOptions(delimiter="\t", quote_char=False),
            csv.ConvertOptions(column_types=kinds),
        )
    except (pa.ArrowException, OSError) as error:
        raise BadInput(
            f"{file} is not a list of product, image, day, impressions, clicks, tab-separated "
            f"and without a header ({error}); copy it again"
        ) from None
    shown, clicked = table["impressions"].to_numpy(), table["clicks"].to_numpy()
    wrong = np.flatnonzero(~((clicked >= 0) & (clicked <= shown)))
    if len(wrong):
        row = int(wrong[0])
        raise BadInput(
            f"{file}, row {row}: {clicked[row]} clicks of {shown[row]} impressions; drop the line"
        )
    days = {text: _day(text, file) for text in table["day"].unique().to_pylist()}
    day = pa.array([days[text] for text in table["day"].to_pylist()], pa.int64())
    return table.set_column(2, "day", day)


def _day(text: str, file: Path) -> int:
    """Days since 1970, from 20200701, 2020-07-01 or a day's number."""
    try:
        if text.isdigit() and len(text) < 8:
            return day_number(FIRST_DAY + timedelta(int(text)))
        return day_number(date.fromisoformat(text))
    except (ValueError, OverflowError):
        raise BadInput(f"{file}: day {text!r} is none; write it as 20200701") from None
