"""Regret curves from what `python -m bench learning --json` printed."""

from pathlib import Path
from typing import Any

import numpy as np
import orjson

from data.atomic_write import write_text_whole
from data.errors import BadInput

OURS = {"hierarchical": "#e0485a", "neural_linear": "#7c5cff", "bootstrap": "#2f9be0",
        "dropout": "#2fae7b", "point": "#d35d9e"}  # fmt: skip
OTHERS = ("#e39b2d", "#8b93a7", "#b5793a", "#5f6b85", "#c9b458", "#9a6a6a", "#6a9a8b")


def plot(results: list[Path], out: Path = Path("regret.html"), columns: int = 3) -> None:
    """Draw the regret of each policy as rounds go by, one panel a result, as a page.

    Args:
        results: files, each with what one `python -m bench learning … --json` printed; results of
            one environment and δ share a panel.
        out: HTML file to write.
        columns: panels beside one another.
    """
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    panels: dict[str, dict[str, Any]] = {}
    for file in results:
        title, policies = _read(file)
        panels.setdefault(title, {}).update(policies)
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    figure = make_subplots(rows, columns, subplot_titles=list(panels), horizontal_spacing=0.07)
    names = list(dict.fromkeys(name for held in panels.values() for name in held))
    peers = [name for name in names if name not in OURS]
    colours = {**OURS, **{name: OTHERS[i % len(OTHERS)] for i, name in enumerate(peers)}}
    shown: set[str] = set()
    for at, held in enumerate(panels.values()):
        for name, row in held.items():
            curve = np.cumsum(row["by_tenth"])
            below = [None] * (len(curve) - 1) + [curve[-1] - row["interval"][0]]
            above = [None] * (len(curve) - 1) + [row["interval"][1] - curve[-1]]
            trace = go.Scatter(
                x=np.arange(10, 101, 10), y=curve, name=name, legendgroup=name,
                showlegend=name not in shown,
                line={"color": colours[name], "width": 3 if name in OURS else 1.5},
                error_y={"type": "data", "array": above, "arrayminus": below},
            )  # fmt: skip
            shown.add(name)
            figure.add_trace(trace, at // columns + 1, at % columns + 1)
    figure.update_yaxes(type="log", dtick=np.log10(2), tickformat=".3~g")
    figure.update_xaxes(title="% of the rounds")
    figure.update_yaxes(title="regret so far, % of uniform's in all", col=1)
    figure.update_layout(
        template="plotly_white", width=380 * columns + 160, height=330 * rows + 60,
        margin={"l": 60, "r": 10, "t": 40, "b": 40},
    )  # fmt: skip
    page = figure.to_html(include_plotlyjs="inline", config={"displaylogo": False})
    write_text_whole(out, page)
    print(out)


def _read(file: Path) -> tuple[str, dict[str, Any]]:
    """A result's title and its rows.

    Raises:
        BadInput: it is no such result.
    """
    try:
        said = orjson.loads(file.read_bytes())
        title = f"{said['environment']} δ = {said['delta']}" if "delta" in said else (
            said["environment"]
        )  # fmt: skip
        rows = said["policies"]
        for row in rows.values():
            _ = float(row["interval"][1]) + sum(row["by_tenth"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f"{file} does not hold what python -m bench learning --json printed ({error!r:.80})"
        ) from None
    return title, rows
