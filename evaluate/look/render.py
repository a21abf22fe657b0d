"""Templates of this look, and files made of them that need nothing else."""

from collections.abc import Iterable
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from data.atomic_write import write_text_whole
from evaluate.look.scale import Scale

HERE = Path(__file__).parent
STYLE = HERE / "look.css"


def environment(*folders: Path) -> Environment:
    """Templates of some folders and of this one; every text in them is escaped."""
    made = Environment(
        loader=FileSystemLoader([*folders, HERE / "templates"]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "percent": lambda share: "<1%" if 0 < share < 0.005 else f"{100 * share:.0f}%",
        "tenths": lambda share: f"{100 * share:.1f}%",
        "number": lambda count: f"{count:,}",
        "take": lambda value: f"{value:.4f}",
        "signed": lambda value: f"{value:+.5f}",
        "short": lambda value: f"{value:.3g}",
    }
    made.globals |= {"scale_of": scale_of}
    return made


def scale_of(*values: Iterable[float | None] | float | None) -> Scale:
    """The scale of numbers and of lists of numbers."""
    every: list[float | None] = []
    for value in values:
        every += list(value) if isinstance(value, Iterable) else [value]
    return Scale.of(every)


def write_page(template: str, path: Path, **content: object) -> None:
    """Write one HTML file that needs no network, whole or not at all."""
    made = environment().get_template(template)
    write_text_whole(path, made.render(style=STYLE.read_text(), **content))
