"""Regret curves from what `python -m bench learning --json` printed."""

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import orjson
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from bench.learning.learning import learning
from data.atomic_write import write_text_whole
from data.command_line.commands import as_json_text
from data.errors import BadInput

OURS = {
    "hierarchical": "#e0485a",
    "neural_linear": "#7c5cff",
    "bootstrap": "#2f9be0",
    "dropout": "#2fae7b",
    "point": "#d35d9e",
}
OTHERS = ("#e39b2d", "#8b93a7", "#b5793a", "#5f6b85", "#c9b458", "#9a6a6a", "#6a9a8b")


class Curve(NamedTuple):
    """Regret of a policy as rounds go by."""

    reached: np.ndarray  # after each tenth of the rounds
    interval: tuple[float, float]  # at the end


def plot(
    results: list[Path] | None = None,
    out: Path = Path("regret.html"),
    columns: int = 3,
    quick: bool = False,
) -> dict[str, object]:
    """Draw the regret of each policy as rounds go by, one panel a result, as a page.

    Args:
        results: files, each with what one `python -m bench learning … --json` printed; results of
            one environment and δ share a panel.
        out: HTML file to write.
        columns: panels beside one another.
        quick: if no result is given, one of a few rounds, drawn to nowhere: to see that it works.
    """
    if not results and not quick:
        raise BadInput("give the files that `python -m bench learning --json` was printed to")
    with tempfile.TemporaryDirectory() as scratch:
        if not results:
            out, results = Path(scratch) / out.name, [Path(scratch) / "wheel.json"]
            played = learning(policies="point,uniform", quick=True, processes=1)
            results[0].write_text(as_json_text(played))
        panels: dict[str, dict[str, Curve]] = {}
        for file in results:
            title, curves = _read(file)
            panels.setdefault(title, {}).update(curves)
        figure = _figure(panels, min(columns, len(panels)))
        page = figure.to_html(include_plotlyjs="inline", config={"displaylogo": False})
        write_text_whole(out, page)
    return {"page": str(out), "panels": {title: list(curves) for title, curves in panels.items()}}


def _figure(panels: dict[str, dict[str, Curve]], columns: int) -> go.Figure:
    rows = -(-len(panels) // columns)
    figure = make_subplots(rows, columns, subplot_titles=list(panels), horizontal_spacing=0.07)
    colours = _colours(dict.fromkeys(name for curves in panels.values() for name in curves))
    shown: set[str] = set()
    for at, curves in enumerate(panels.values()):
        for name, curve in curves.items():
            trace = _trace(name, curve, colours[name], first=name not in shown)
            shown.add(name)
            figure.add_trace(trace, at // columns + 1, at % columns + 1)
    figure.update_yaxes(type="log", dtick=np.log10(2), tickformat=".3~g")
    figure.update_xaxes(title="% of the rounds")
    figure.update_yaxes(title="regret so far, % of uniform's in all", col=1)
    figure.update_layout(
        template="plotly_white",
        width=380 * columns + 160,
        height=330 * rows + 60,
        margin={"l": 60, "r": 10, "t": 40, "b": 40},
    )
    return figure


def _colours(names: Iterable[str]) -> dict[str, str]:
    peers = [name for name in names if name not in OURS]
    return OURS | {name: OTHERS[i % len(OTHERS)] for i, name in enumerate(peers)}


def _trace(name: str, curve: Curve, colour: str, first: bool) -> go.Scatter:
    end, (low, high) = curve.reached[-1], curve.interval
    none = [None] * (len(curve.reached) - 1)
    bar = {"type": "data", "array": [*none, high - end], "arrayminus": [*none, end - low]}
    return go.Scatter(
        x=np.arange(10, 101, 10),
        y=curve.reached,
        name=name,
        legendgroup=name,
        showlegend=first,
        line={"color": colour, "width": 3 if name in OURS else 1.5},
        error_y=bar,
    )


def _read(file: Path) -> tuple[str, dict[str, Curve]]:
    """A result's title and its curves.

    Raises:
        BadInput: it is no such result.
    """
    try:
        result = orjson.loads(file.read_bytes())
        title, delta = result["environment"], result.get("delta")
        curves = {
            name: Curve(np.cumsum(row["by_tenth"]), _pair(row["interval"]))
            for name, row in result["policies"].items()
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f"{file} does not hold what python -m bench learning --json printed ({error!r:.80})"
        ) from None
    return title if delta is None else f"{title} δ = {delta}", curves


def _pair(interval: list[float]) -> tuple[float, float]:
    low, high = interval
    return float(low), float(high)
