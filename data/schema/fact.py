"""One declared fact: what it is called, what kind of value it has, and when it is known."""

import math
import re
from dataclasses import asdict, dataclass, fields
from typing import Literal, get_args

Kind = Literal["number", "category", "set", "counts", "vector"]
Scale = Literal["standard", "log", "steps", "none"]
KnownAt = Literal["precompute", "request"]
CHOICES = {"kind": get_args(Kind), "scale": get_args(Scale), "known_at": get_args(KnownAt)}
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
SCALED = {"number": get_args(Scale), "vector": ("standard", "none")}
"""Kind → scales that it may have; others have none."""
STEPS = 8
"""Whole numbers that `steps` tells apart: 0, 1 … and 7 or more."""


@dataclass(frozen=True)
class Fact:
    """A fact of a member or request, of a title or of an artwork.

    Raises:
        ValueError: an option is none, or has no meaning for the kind: names it and the remedy.
    """

    name: str
    kind: Kind
    """number; category: one of some names; set: names; counts: numbers by name; vector: numbers."""
    scale: Scale = "standard"
    """Of numbers: standard: by mean and deviation; log: the same of log(1 + x), for what is 0 or
    more; steps: 0 … 7 each for itself, as places are; none: as they are."""
    known_at: KnownAt = "precompute"
    """request: a page alone knows it; precompute decides without it, training often hides it."""
    missing: float | str | None = None
    """Number or category that stands for what is not known; None: not known is a value itself."""
    match: str | None = None
    """Of counts: the set whose names they count, as `artworks.tags` or `titles.subjects`."""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not NAME.fullmatch(self.name):
            raise ValueError(
                f"{self.name!r} is no name of a fact; use letters from a to z, digits and _, 64"
                " at most"
            )
        for option, among in CHOICES.items():
            value = getattr(self, option)
            if value not in among:
                raise ValueError(f"{option} is {value!r}; choose one of {', '.join(among)}")
        if self.scale not in SCALED.get(self.kind, ("standard",)):
            may = " or ".join(SCALED.get(self.kind, ()))
            remedy = f"a {self.kind} may have {may}" if may else "leave it out"
            raise ValueError(f"scale is {self.scale!r}, which a {self.kind} has not; {remedy}")
        self._check_missing()
        if self.match is not None:
            part, dot, name = str(self.match).partition(".")
            if self.kind != "counts":
                raise ValueError(f"match is for counts, and this is a {self.kind}; leave it out")
            if part not in ("titles", "artworks") or not dot or not NAME.fullmatch(name):
                raise ValueError(
                    f"match is {self.match!r}; write titles.NAME or artworks.NAME of a set"
                )

    def _check_missing(self) -> None:
        value = self.missing
        if value is None:
            return
        if self.kind == "number":
            if isinstance(value, str | bool) or not math.isfinite(value):
                raise ValueError(f"missing is {value!r}; a number's is a finite number")
        elif self.kind == "category":
            if not isinstance(value, str):
                raise ValueError(f"missing is {value!r}; a category's is a text: put it in quotes")
        else:
            raise ValueError(
                f"missing is for numbers and categories, not {self.kind}; leave it out"
            )

    def to_json(self) -> dict[str, object]:
        """Its name and whatever is not as usual."""
        usual = {field.name: field.default for field in fields(self)}
        return {name: value for name, value in asdict(self).items() if value != usual[name]}
