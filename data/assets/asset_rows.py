"""What is wrong with the rows of `assets.parquet`, by kind, content and file."""

import re
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from data.assets.templates import slot_problem
from data.pictures import leads_out
from data.problem import Fault, Problem, whole
from data.records import TitleId, kind_words, title_kind
from data.sound import ID_BYTES, id_problem

CONTENTS = ("text", "picture", "clip", "template")
"""What an asset is made of: words; one picture; key frames, and words if it has some; words with
slots."""
ARTWORK = "artwork"
"""The kind whose assets stand in `artworks.parquet`."""
MOST_TEXT = 2000
"""Characters of a text: longer is an article, and nobody reads it before a choice."""
MOST_FRAMES = 64
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_KIND = re.compile(r"[a-z][a-z0-9_]*")

ASSET_ID = Fault(
    "asset id", "asset_id", f"give each asset an id of its own, of 1 to {ID_BYTES} bytes"
)
REPEATED = Fault("duplicate id", "asset_id", "keep one row of each id")
KIND = Fault("kind of asset", "kind", "use small letters, as in synopsis, trailer or row_title")
CONTENT = Fault("content", "content", f"use one of {', '.join(CONTENTS)}")
TEXT = Fault("text", "text", "write it, or choose another content")
FRAMES = Fault("frames", "frames", "a picture has one path, a clip its key frames, words have none")
FRAME_PATH = Fault("path", "frames", "write paths relative to the folder of assets.parquet")
LANGUAGE = Fault("language", "language", "use a tag such as en or pt-BR, or null for any")
DAYS = Fault("days", "withdrawn_day", "leave it null while the asset is a candidate")
UNKNOWN_TITLE = Fault("unknown title", "title_id", "add the title or drop the asset")


def asset_problems(
    assets: pa.Table,
    titles: Collection[TitleId] | None,
    title_ids: pa.DataType | None,
    artworks: Collection[str],
    file: Path | str,
) -> Iterator[Problem]:
    """What is wrong with a table in the schema ASSETS; its files are not opened.

    Args:
        assets: to be looked at.
        titles: that there are; None: not known.
        title_ids: the kind of their ids; None: not known.
        artworks: ids that are taken.
        file: as problems name it.
    """
    if title_ids is not None and title_kind(assets.schema) != title_ids:
        told, other = kind_words(title_ids), kind_words(title_kind(assets.schema))
        what = f"title ids are {other}, and those of titles.parquet {told}"
        remedy = "write both files' as text, or both as int64"
        yield whole("kind of title ids", file, "title_id", what, remedy)
        return
    column = {name: assets[name].to_pylist() for name in assets.column_names}
    ids, kinds = column["asset_id"], column["kind"]
    yield from _rows(ASSET_ID, file, ids, lambda row: _id_problem(ids[row], artworks))
    first: dict[str, int] = {}
    again = [first.setdefault(name, row) != row for row, name in enumerate(ids)]
    yield from REPEATED.in_rows(
        file, np.array(again, bool), lambda row: f"{ids[row]!r} is in row {first[ids[row]]} already"
    )
    yield from _rows(KIND, file, kinds, lambda row: _kind_problem(kinds[row]))
    if titles is not None:
        of = column["title_id"]
        yield from _rows(
            UNKNOWN_TITLE,
            file,
            of,
            lambda row: None if of[row] in titles else f"{of[row]!r:.60} is not in titles.parquet",
        )
    yield from _contents(column, file)
    languages = column["language"]
    yield from _rows(
        LANGUAGE,
        file,
        languages,
        lambda row: (
            None if _LANGUAGE.fullmatch(languages[row]) else f"{languages[row]!r:.60} is no tag"
        ),
    )
    days = list(zip(column["added_day"], column["withdrawn_day"], strict=True))
    wrong = np.array([None not in pair and pair[1] < pair[0] for pair in days], bool)
    yield from DAYS.in_rows(
        file, wrong, lambda row: f"{days[row][1]} is before added_day {days[row][0]}"
    )


def _contents(column: dict[str, list], file: Path | str) -> Iterator[Problem]:
    """Words and frames that do not go with what the content says that there is."""
    contents, texts, frames = (column[name] for name in ("content", "text", "frames"))
    yield from _rows(
        CONTENT,
        file,
        contents,
        lambda row: None if contents[row] in CONTENTS else f"{contents[row]!r:.40} is none of ours",
    )
    yield from _rows(TEXT, file, contents, lambda row: _text_problem(contents[row], texts[row]))
    yield from _rows(
        FRAMES, file, contents, lambda row: _frames_problem(contents[row], frames[row] or [])
    )
    yield from _rows(FRAME_PATH, file, frames, lambda row: _path_problem(frames[row]))


def _id_problem(name: str, artworks: Collection[str]) -> str | None:
    if name in artworks:
        return f"{name!r} is an artwork's id too"
    why = id_problem(name)
    return None if why is None else f"{name!r:.60}: {why}"


def _kind_problem(kind: str) -> str | None:
    if kind == ARTWORK:
        return "artwork stands in artworks.parquet"
    return None if is_kind(kind) else f"{kind!r:.60} is no name of a kind"


def is_kind(name: str) -> bool:
    """Whether a kind of assets may have this name: small letters, digits and underscores."""
    return len(name) <= ID_BYTES and _KIND.fullmatch(name) is not None


def _text_problem(content: str, text: str | None) -> str | None:
    if text is not None and len(text) > MOST_TEXT:
        return f"it has {len(text):,} characters, at most {MOST_TEXT:,} are read"
    if content in ("text", "template") and not (text or "").strip():
        return f"a {content} without words"
    if content == "template":
        why = slot_problem(text or "")
        return None if why is None else f"template {text!r:.60}: {why}"
    return None


def _frames_problem(content: str, frames: list) -> str | None:
    count = len(frames)
    if content == "picture" and count != 1:
        return f"a picture with {count} paths"
    if content == "clip" and not 1 <= count <= MOST_FRAMES:
        return f"a clip with {count} key frames, of 1 to {MOST_FRAMES}"
    if content in ("text", "template") and count:
        return f"a {content} with {count} paths"
    return None


def _path_problem(frames: list) -> str | None:
    wrong = [path for path in frames if path is None or leads_out(path)]
    return f"{wrong[0]!r:.60} leads out of the catalogue folder" if wrong else None


def _rows(
    fault: Fault, file: Path | str, values: list, why: Callable[[int], str | None]
) -> Iterator[Problem]:
    """Rows with a value that something is wrong with; nulls are reported as nulls."""
    words = [None if value is None else why(row) for row, value in enumerate(values)]
    wrong = np.array([word is not None for word in words], bool)
    yield from fault.in_rows(file, wrong, lambda row: str(words[row]))
