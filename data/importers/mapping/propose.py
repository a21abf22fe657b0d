"""A first MAP.yaml from the columns of files, with a comment wherever a person must say."""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from data.atomic_write import write_text_whole
from data.errors import BadInput
from data.importers.mapping.columns import WITH_ZONE
from data.importers.mapping.import_map import NEEDED, QUESTIONS
from data.importers.mapping.row_files import read_rows
from data.importers.mapping.values import fit_rows
from data.lossless_cast import plain
from data.records import FACTS

TRIED = 1000
"""Rows whose times are looked at."""

LIKELY = {
    "time": r"^(time|timestamp|ts|date|datetime|when)$|_(time|at|ts)$|time$|stamp$",
    "profile_id": r"profile|member|user|customer|reader|viewer|visitor|account",
    "title_id": r"^(title|item|book|movie|show|product|video|content|game|article)(_?id)?$",
    "action": r"artwork|image|cover|poster|creative|thumb|picture|variant|banner",
    "propensity": r"propensity|pscore|^prob|probability|^p$",
    "reward": r"reward|click|play|conver|taken|purchase|read$|opened|label",
    "decision_id": r"^(decision|impression|request|event|row)_?id$|^id$|^uuid$",
    "policy": r"^policy|algorithm$|^arm$|strategy$",
}
"""Key → how a column of it may be called."""
RANDOM = re.compile(r"random|explor|holdout|slice", re.I)
FACT_NAMES = {
    "country": r"country|land|market",
    "language": r"lang|locale",
    "device": r"device|platform|client",
    "surface": r"surface|^page|placement",
    "row": r"^row$|row_?(number|position)",
    "column": r"^(column|position|slot|rank)$",
    "day_part": r"day_?part",
    "tenure_days": r"tenure|days_since|account_age",
}
HEAD = """\
# Which column of your files is what; docs/import.md explains each key. Written from the columns of
# {file}: read every line, and answer what is asked in capitals.
rows: impressions        # or decisions, or events"""
FORMATS = (
    *("%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M"),
    *("%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M"),
    *("%Y%m%d %H:%M:%S", "%Y%m%d%H%M%S"),
)
"""Of times that are not ISO 8601."""


def propose_map(files: Sequence[Path], map: Path, *, force: bool = False) -> list[str]:
    """Write a first map; gives the keys that a person must fill in.

    Args:
        files: to import.
        map: where to write.
        force: write over a map that is there.

    Raises:
        BadInput: the map is there already, or a file cannot be read.
    """
    if map.exists() and not force:
        raise BadInput(f"{map} is there already; give another --map, or --force")
    first = next(iter(read_rows(files[0])), None)
    if first is None or not len(first.table):
        raise BadInput(f"{files[0]} has no rows to propose a map from")
    columns = first.table.column_names
    left, lines, asks = list(columns), [HEAD.format(file=files[0])], list[str]()
    for key, pattern in LIKELY.items():
        name = _like(pattern, left)
        if key == "propensity" and name is None:
            random = next((n for n in left if RANDOM.search(n)), None)
            if random is not None:
                left.remove(random)
                lines.append(f"propensity: {{random: {_yaml(random)}}}   # marks rows drawn evenly")
                continue
        if key == "time" and name is not None:
            left.remove(name)
            more, unknown = _time(name, plain(first.table[name].slice(0, TRIED)))
            lines, asks = lines + more, asks + unknown
        elif name is not None:
            left.remove(name)
            lines.append(f"{key}: {_yaml(name)}")
        elif key in NEEDED["impressions"]:
            asks.append(key)
            lines.append(f"# {key}: SAY   # {QUESTIONS[key]}")
    lines.append("candidates: catalogue    # those of the day; or {column: NAME, separator: '|'}")
    lines.append("facts:")
    for fact in FACTS:
        name = _like(FACT_NAMES[fact.name], left) if fact.name in FACT_NAMES else None
        if name is not None:
            left.remove(name)
            lines.append(f"  {fact.name}: {_yaml(name)}")
    if lines[-1] == "facts:":
        lines[-1] = "# facts:               # what is known of who looks: country, device …"
    if left:
        lines.append(f"# columns that nothing is made of: {', '.join(left)}")
    write_text_whole(map, "\n".join(lines) + "\n")
    return asks


def _like(pattern: str, names: Iterable[str]) -> str | None:
    return next((name for name in names if re.search(pattern, name, re.I)), None)


def _time(name: str, values: pa.Array) -> tuple[list[str], list[str]]:
    """Lines of a time's key, and what must be asked of it."""
    kind = values.type
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return [f"time: {_yaml(name)}"], []
    lines, asks = ["# zone: SAY   # such as Europe/Oslo, or UTC: times name none"], ["zone"]
    if not (pa.types.is_string(kind) or pa.types.is_temporal(kind)):
        ask = f"# time: {{column: {_yaml(name)}, unit: SAY}}   # s, ms, us or ns"
        return [ask], ["time"]
    texts = values.drop_null() if pa.types.is_string(kind) else pa.array([], pa.string())
    if len(texts) and pc.all(pc.match_substring_regex(texts, WITH_ZONE)).as_py():
        return [f"time: {_yaml(name)}"], []
    if not len(texts) or not fit_rows(texts, pa.timestamp("us"))[1].any():
        return [*lines, f"time: {_yaml(name)}"], asks
    fitting = [one for one in FORMATS if not _wrong(texts, one)]
    if len(fitting) == 1:
        return [*lines, f"time: {{column: {_yaml(name)}, format: {fitting[0]!r}}}"], asks
    known = " or ".join(fitting) or "as strptime has them"
    ask = f"# time: {{column: {_yaml(name)}, format: SAY}}   # {known}"
    return [*lines, ask], [*asks, "time"]


def _wrong(texts: pa.Array, format: str) -> bool:
    return pc.strptime(texts, format, "us", error_is_null=True).null_count > 0


def _yaml(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_][\w.-]*", name) else repr(name)
