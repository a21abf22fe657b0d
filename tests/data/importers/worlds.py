"""A small catalogue of pictures, and files of somebody else's layout."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image

from data.importers.picture_folder import catalogue


def pictures(folder: Path, titles: Mapping[str, Sequence[str]]) -> Path:
    """Small portraits, those of each title named by letters or in full."""
    for title, letters in titles.items():
        (folder / title).mkdir(parents=True, exist_ok=True)
        for letter in letters:
            colour = (len(title) * 20, sum(map(ord, letter)) % 256, 60)
            Image.new("RGB", (20, 30), colour).save(folder / title / f"{letter}.png")
    return folder


def made_catalogue(tmp_path: Path, **titles: str) -> Path:
    out = tmp_path / "catalogue"
    catalogue(pictures(tmp_path / "pictures", titles or {"dune": "abc", "emma": "ab"}), out)
    return out


def write_csv(file: Path, rows: list[dict], delimiter: str = ",") -> Path:
    with file.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return file
