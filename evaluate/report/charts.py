"""The report's charts, on transparent ground: the page gives them its ink, light or dark."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from evaluate.calibration import CalibrationCurve
from evaluate.new_artwork.cold_start_result import ColdStartResult
from evaluate.ope.estimate import Estimate
from evaluate.ope.paired_bootstrap import Range
from evaluate.report.curves import LearningCurves

GREY, VIOLET = "#8b93a7", "#7c5cff"
COLOURS = {
    "random": GREY,
    "bundle-table": "#e39b2d",
    "bundle-mean": "#e39b2d",
    "oracle-for-all": "#c97b16",
    "greedy": "#2f9be0",
    "thompson": VIOLET,
    "attribute_ceiling": "#d35d9e",
    "oracle": "#2fae7b",
}
"""Of policies."""
ESTIMATOR_COLOURS = {
    "replay": GREY,
    "ips": "#e39b2d",
    "snips": "#d35d9e",
    "dm": "#2f9be0",
    "dr": VIOLET,
}
FADED = 0.35
"""Opacity of estimates that are not the ones to read."""
GRID = "rgba(139,147,167,.22)"


def take_fractions(takes: Mapping[str, Range]) -> go.Figure:
    """One row a policy: its value, its interval, and a bar from random to it."""
    names = list(takes)[::-1]
    figure = _figure(height=78 + 46 * len(names))
    base = takes["random"].value
    for name in names:
        value, low, high = takes[name]
        colour = COLOURS.get(name, GREY)
        figure.add_scatter(
            x=[base, value],
            y=[_label(name)] * 2,
            mode="lines",
            opacity=0.35,
            line={"color": colour, "width": 10},
            hoverinfo="skip",
        )
        figure.add_scatter(
            x=[value],
            y=[_label(name)],
            mode="markers+text",
            text=[f"<b>{value:.3f}</b>"],
            textposition="top center",
            marker={"color": colour, "size": 12},
            error_x=_bars([value], [low], [high], colour),
            hovertemplate=f"{_label(name)}: {value:.4f}<br>{low:.4f} … {high:.4f}<extra></extra>",
        )
    figure.add_vline(x=base, line={"color": GREY, "width": 1, "dash": "dot"})
    figure.update_yaxes(showgrid=False, range=[-0.6, len(names) - 0.3])
    return figure.update_xaxes(title="takes / impressions", tickformat=".3f")


def estimates(
    policies: Mapping[str, Mapping[str, Estimate]], truth: Mapping[str, Range], read: str
) -> go.Figure:
    """Each policy's estimates side by side, over a line where the truth is.

    Only the estimator to read has full colour.
    """
    figure = _figure(height=390, legend=True)
    names = list(policies)
    step = 0.14
    for at, estimator in enumerate(next(iter(policies.values()))):
        points = [(i, name, policies[name][estimator]) for i, name in enumerate(names)]
        points = [point for point in points if np.isfinite(point[2].value)]
        values = [e.value for _, _, e in points]
        low, high = [e.low for _, _, e in points], [e.high for _, _, e in points]
        colour = ESTIMATOR_COLOURS.get(estimator, GREY)
        figure.add_scatter(
            x=[i + (at - 2) * step for i, _, _ in points],
            y=values,
            mode="markers",
            name=_term(estimator),
            opacity=1 if estimator == read else FADED,
            marker={"color": colour, "size": 8},
            error_y=_bars(values, low, high, colour),
            customdata=[[name, e.between(), e.verdict] for _, name, e in points],
            hovertemplate="%{customdata[0]} "
            + _term(estimator)
            + ": %{y:.4f}<br>%{customdata[1]}<br>%{customdata[2]}"
            + "<extra></extra>",
        )
    for i, name in enumerate(names):
        if name in truth:
            figure.add_scatter(
                x=[i - 0.42, i + 0.42],
                y=[truth[name].value] * 2,
                mode="lines",
                name="truth",
                line={"color": COLOURS["oracle"], "width": 3},
                showlegend=i == 0,
                hovertemplate=f"truth of {name}: {truth[name].value:.4f}<extra></extra>",
            )
    figure.update_yaxes(title="takes / impressions", tickformat=".2f")
    return figure.update_xaxes(
        tickvals=list(range(len(names))), ticktext=[_label(n) for n in names], showgrid=False
    )


def calibration(curve: CalibrationCurve) -> go.Figure:
    """Predicted against actual takes, beside the line where they are equal."""
    figure = _figure(height=430)
    low = float(min(curve.predicted.min(), curve.low.min()))
    high = float(max(curve.predicted.max(), curve.high.max()))
    figure.add_scatter(
        x=[low, high],
        y=[low, high],
        mode="lines",
        line={"color": GREY, "dash": "dot"},
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=curve.predicted,
        y=curve.actual,
        mode="lines+markers",
        marker={"color": VIOLET, "size": 9},
        line={"color": VIOLET, "width": 1.5},
        error_y=_bars(curve.actual, curve.low, curve.high, VIOLET),
        customdata=curve.count,
        hovertemplate="predicted %{x:.3f}, actual %{y:.3f}<br>%{customdata:,} impressions"
        "<extra></extra>",
    )
    figure.update_yaxes(title="actual share of takes", tickformat=".2f")
    return figure.update_xaxes(title="predicted take", tickformat=".2f")


def learning(curves: LearningCurves) -> go.Figure:
    """Loss by stage on training and validation days: of different things, so each for itself."""
    stages = curves.stages
    names = [f"{s.name}, {days} days" for days in ("training", "validation") for s in stages]
    figure = make_subplots(
        2, len(stages), subplot_titles=names, horizontal_spacing=0.14, vertical_spacing=0.2
    )
    for column, stage in enumerate(stages, start=1):
        both = ((stage.training, GREY), (stage.validation, VIOLET))
        for row, (points, colour) in enumerate(both, start=1):
            figure.add_scatter(
                x=[step for step, _ in points],
                y=[loss for _, loss in points],
                mode="lines+markers",
                row=row,
                col=column,
                showlegend=False,
                line={"color": colour, "width": 2},
                marker={"size": 5},
                hovertemplate="step %{x}: %{y:.4f}<extra></extra>",
            )
        figure.update_xaxes(title_text="step", row=2, col=column)
    figure.update_annotations(font_size=13)
    return _styled(figure, 430, top=34)


def cold_start(result: ColdStartResult) -> go.Figure:
    """Take fractions on artwork and members that training never saw."""
    return take_fractions({name: result.takes[name] for name in COLOURS if name in result.takes})


def _bars(
    values: Sequence[float] | np.ndarray,
    low: Sequence[float] | np.ndarray,
    high: Sequence[float] | np.ndarray,
    colour: str,
) -> dict[str, object]:
    middle = np.asarray(values, float)
    return {
        "type": "data",
        "array": np.asarray(high, float) - middle,
        "arrayminus": middle - np.asarray(low, float),
        "color": colour,
        "thickness": 1.6,
        "width": 4,
    }


def _label(name: str) -> str:
    return {"thompson": "Thompson"}.get(name, name.replace("_", " "))


def _term(estimator: str) -> str:
    return estimator.title() if estimator == "replay" else estimator.upper()


def _figure(height: int, legend: bool = False) -> go.Figure:
    figure = go.Figure()
    _styled(figure, height)
    return figure.update_layout(showlegend=legend)


def _styled(figure: go.Figure, height: int, top: int = 10) -> go.Figure:
    figure.update_layout(
        template="none",
        height=height,
        margin={"l": 10, "r": 16, "t": top, "b": 10},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "inherit", "size": 13, "color": GREY},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )
    axes = {"gridcolor": GRID, "zeroline": False, "automargin": True, "showline": False}
    return figure.update_xaxes(axes).update_yaxes(axes)
