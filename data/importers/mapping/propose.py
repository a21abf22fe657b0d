"""A first MAP.yaml from the columns of files, with a comment wherever a person must say."""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import pyarrow as pa
import pyarrow.compute as pc

from data.atomic_write import write_text_whole
from data.errors import BadInput
from data.importers.mapping.columns import WITH_ZONE
from data.importers.mapping.guess import Column, decimal_of, guess
from data.importers.mapping.import_map import NEEDED, QUESTIONS
from data.importers.mapping.names import CatalogueNames
from data.importers.mapping.row_files import read_rows
from data.importers.mapping.values import as_text, fit_rows
from data.lossless_cast import plain
from data.records import FACTS

TRIED = 1000
"""Rows whose times are looked at."""
FEW = 11
"""Different whole numbers up to which a reward is a rating."""

LIKELY = {
    "time": r"^(time|timestamp|ts|date|datetime|when)$|_(time|at|ts)$|time$|stamp$",
    "profile_id": r"profile|member|user|customer|reader|viewer|visitor|account",
    "title_id": r"^(title|item|book|movie|show|film|play|product|video|content|game|article|song|"
    r"album|track|podcast|event|course|recipe)(_?id)?$",
    "action": r"artwork|image|cover|poster|creative|thumb|picture|variant|banner",
    "propensity": r"propensity|pscore|^prob|probability|^p$",
    "reward": r"reward|click|play|conver|taken|purchase|read$|opened|label|outcome|result|bought|"
    r"booked|order|sale|engage|like[ds]?$|rating|score",
    "decision_id": r"^(decision|impression|request|event|row)_?id$|^id$|^uuid$",
    "policy": r"^policy|algorithm$|^arm$|strategy$",
}
"""Key → how a column of it may be called."""
WHO = re.compile(r"(^|_)id$|^(profile|member|user|customer|reader|viewer|visitor)s?$", re.I)
"""What a column of profiles is called, where others look like one, such as member_level."""
RANDOM = re.compile(r"random|explor|holdout|slice|lottery|uniform|drawn|dice", re.I)
FACT_NAMES = {
    "country": r"country|^land$|market",
    "language": r"^lang|locale",
    "device": r"device|platform|^client$",
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
OWN_FACTS = """\
# May be facts of your own, by kind. Take the # away from what was known BEFORE the artwork was
# chosen; what tells of the choice, or of what came of it, makes every number wrong:"""
FORMATS = (
    *("%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M"),
    *("%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M"),
    *("%Y%m%d %H:%M:%S", "%Y%m%d%H%M%S"),
)
"""Of times that are not ISO 8601."""


def propose_map(
    files: Sequence[Path], map: Path, names: CatalogueNames | None = None, *, force: bool = False
) -> list[str]:
    """Write a first map; gives the keys that a person must fill in.

    Args:
        files: to import.
        map: where to write.
        names: of the catalogue's titles and artworks, by which columns of them are known; None: by
            how columns are called alone.
        force: write over a map that is there.

    Raises:
        BadInput: the map is there already, or a file cannot be read.
    """
    if map.exists() and not force:
        raise BadInput(f"{map} is there already; give another --map, or --force")
    first = next(iter(read_rows(files[0])), None)
    if first is None or not len(first.table):
        raise BadInput(f"{files[0]} has no rows to propose a map from")
    table = first.table.slice(0, TRIED)
    columns = {name: Column(plain(table[name])) for name in table.column_names}
    proposal = _Proposal(columns, decimal_of([*columns.values()]), [HEAD.format(file=files[0])])
    if names is not None:
        proposal.by_names(names)
    proposal.fill()
    write_text_whole(map, "\n".join(proposal.lines) + "\n")
    return proposal.asks


@dataclass
class _Proposal:
    """A map that is being written."""

    left: dict[str, Column]
    """Columns that nothing is made of so far."""
    decimal: str
    lines: list[str]
    asks: list[str] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    """Columns that may mark what was drawn: no facts."""
    named: dict[str, str] = field(default_factory=dict)
    """Key → column, of those that the catalogue knows."""

    def by_names(self, names: CatalogueNames) -> None:
        """Find the columns of titles and artworks by what the catalogue calls them."""
        shares = {name: names.known(as_text(c.values)) for name, c in self.left.items()}
        for at, key in enumerate(("title_id", "action")):
            best = max(self.left, key=lambda name, at=at: shares[name][at])
            if shares[best][at] > 0.5 and best not in self.named.values():
                self.named[key] = best

    def fill(self) -> None:
        """Every line below the head."""
        if self.decimal == ",":
            self.lines.append('csv: {decimal: ","}')
        taken = set(self.named.values())
        for key, pattern in LIKELY.items():
            fits = [n for n in self.left if n not in taken and self._fits(key, n)]
            name = self.named.get(key) or _like(pattern, fits)
            if key == "profile_id":
                name = self._profile(pattern)
            if key == "time" and name is None:
                name = next((n for n in fits if _is_time(self.left[n])), None)
            if key == "time" and name is not None:
                more, unknown = _time(name, self.left.pop(name).values)
                self.lines += more
                self.asks += unknown
            elif name is not None:
                column = self.left.pop(name)
                said = scaled(name, column.numbers(self.decimal)) if key == "reward" else None
                self.lines.append(said or f"{key}: {_yaml(name)}")
            elif key == "propensity":
                self._propensity()
            elif key in NEEDED["impressions"]:
                self._ask(key)
        self.lines.append(
            "candidates: catalogue    # those of the day; or {column: NAME, separator: '|'}"
        )
        self._facts()

    def _profile(self, pattern: str) -> str | None:
        """The column that says who looked: called an id, else that of most different values."""

        def rank(name: str) -> tuple[bool, int]:
            texts = self.left[name].texts
            whole = not any(re.search(r"[.,]\d+$", text) for text in texts)
            return bool(WHO.search(name)) and whole, len(set(texts)) if whole else 0

        named = (n for n in self.left if re.search(pattern, n, re.I))
        return max((n for n in named if n not in self.named.values()), key=rank, default=None)

    def _fits(self, key: str, name: str) -> bool:
        """Whether a column holds what a key needs."""
        return key not in ("reward", "propensity") or self.left[name].reward(self.decimal)

    def _propensity(self) -> None:
        """A column that marks what was drawn; else the question, with columns that may."""
        marks = (n for n in self.left if RANDOM.search(n) and self.left[n].reward(self.decimal))
        if (name := next(marks, None)) is not None:
            del self.left[name]
            self.lines.append(f"propensity: {{random: {_yaml(name)}}}   # marks rows drawn evenly")
            return
        self._ask("propensity")
        for name, column in self.left.items():
            if (few := column.few) and any(RANDOM.search(text) for text in column.texts):
                mark = next(text for text in column.texts if RANDOM.search(text))
                self.marks.append(name)
                said = f"{{random: {_yaml(name)}, equals: [{_yaml(mark)}]}}"
                self.lines.append(f"# propensity: {said}   # if that marks them: {few}")

    def _holds(self, name: str, kind: pa.DataType) -> bool:
        """Whether a column's values become a type."""
        column = self.left[name]
        if pa.types.is_string(kind):
            return bool(column.texts)
        numbers = column.numbers(self.decimal)
        whole = pa.types.is_integer(kind)
        return numbers is not None and not (whole and any(one % 1 for one in numbers))

    def _ask(self, key: str) -> None:
        self.asks.append(key)
        self.lines.append(f"# {key}: SAY   # {QUESTIONS[key]}")

    def _facts(self) -> None:
        """Facts that are known by name, and below them columns that may be facts of one's own."""
        lines = list[str]()
        for fact in FACTS:
            able = [n for n in self.left if n not in self.marks and self._holds(n, fact.type)]
            name = _like(FACT_NAMES[fact.name], able) if fact.name in FACT_NAMES else None
            if name is not None:
                del self.left[name]
                lines.append(f"  {fact.name}: {_yaml(name)}")
        self.lines.append("facts:")
        self.lines += lines
        if self.left:
            self.lines.append(OWN_FACTS)
        for name, column in self.left.items():
            found = guess(column, self.decimal)
            if not found.kind:
                self.lines.append(f"# {name}: nothing is made of it: {found.words}")
                continue
            said = f"{{column: {_yaml(name)}, kind: {found.kind}{found.options}}}"
            self.lines.append(f"#  {_fact_name(name)}: {said}   # {found.words}")


def scaled(name: str, numbers: Sequence[float] | None) -> str | None:
    """The line of a reward that is not learnt as it is; None: it is."""
    if not numbers or (min(numbers) >= 0 and max(numbers) <= 1):
        return None
    least, most, different = min(numbers), max(numbers), set(numbers)
    said = f"{least:g} to {most:g}; what is learnt lies between 0 and 1"
    if least < 0 or (len(different) <= FEW and all(one % 1 == 0 for one in different)):
        if least == most:  # which is no range
            least, most = min(least, 0.0), max(most, 0.0)
        ends = f"{_exact(least)}, {_exact(most)}"
        return f"reward: {{column: {_yaml(name)}, range: [{ends}]}}   # {said}: its share of that"
    half = f"{median(one for one in numbers if one > 0):g}"
    return f"reward: {{column: {_yaml(name)}, half: {half}}}   # {said}: x / (x + {half})"


def _exact(number: float) -> str:
    """A number that is not rounded, so that it lies within a range of which it is an end."""
    return repr(float(number)).removesuffix(".0")


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


def _is_time(column: Column) -> bool:
    """Whether a column holds times of the day on days, whatever it is called."""
    if pa.types.is_timestamp(column.values.type):
        return True
    if not column.texts or not pa.types.is_string(column.values.type):
        return False
    if all(re.match(r"\d{4}-\d{2}-\d{2}[T ]\d{1,2}:\d{2}", text) for text in column.texts):
        return True
    texts = pa.array(column.texts)
    return ":" in column.texts[0] and any(not _wrong(texts, one) for one in FORMATS)


def _wrong(texts: pa.Array, format: str) -> bool:
    return pc.strptime(texts, format, "us", error_is_null=True).null_count > 0


def _fact_name(column: str) -> str:
    """A column's name as a fact may be called."""
    name = re.sub(r"\W+", "_", column, flags=re.ASCII).strip("_") or "fact"
    return name if name[0].isalpha() else f"fact_{name}"


def _yaml(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_][\w.-]*", name) else repr(name)
