"""The monitor's findings as one HTML page that needs no network."""

from html import escape
from pathlib import Path

import plotly.graph_objects as go

from data.check.finding import ORDER, Check, worst
from evaluate.monitor.calibration import CalibrationCurves

COLOURS = {"ok": "#2e7d32", "warn": "#e69500", "alert": "#c62828"}


def write_page(checks: list[Check], curves: CalibrationCurves, path: Path) -> None:
    """Write what is wrong, the calibration curve, and every check over days."""
    figures = []
    if curves:
        figures.append(_calibration(curves))
    names = dict.fromkeys(c.name for c in checks if c.day != "all")
    figures += [_days(name, [c for c in checks if c.name == name]) for name in names]
    plots = "\n".join(
        f.to_html(full_html=False, include_plotlyjs="inline" if i == 0 else False)
        for i, f in enumerate(figures)
    )
    state = worst(checks)
    shown = sorted(checks, key=lambda c: -ORDER.index(c.state))
    rows = "\n".join(
        f'<tr><td style="color:{COLOURS[c.state]}">{c.state}</td><td>{escape(c.name)}</td>'
        f"<td>{escape(c.day)}</td><td>{escape(c.bundle)}</td><td>{c.value:.4g}</td>"
        f"<td>{escape(c.words)}</td></tr>"
        for c in shown
    )
    path.write_text(
        f"""<!doctype html><html lang="en"><head><meta charset="utf-8">
<title>Monitor: {state}</title>
<style>body{{font-family:sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}}
td,th{{text-align:left;padding:.2rem .6rem;vertical-align:top}}</style></head><body>
<h1 style="color:{COLOURS[state]}">{state}</h1>
{plots}
<h2>All checks</h2>
<table><thead><tr><th>state</th><th>check</th><th>day</th><th>bundle</th><th>value</th><th>what</th>
</tr></thead><tbody>{rows}</tbody></table></body></html>"""
    )


def _calibration(curves: CalibrationCurves) -> go.Figure:
    figure = go.Figure(layout={"title": "Calibration", "height": 420})
    top = max(max(p, a) for curve in curves.values() for p, a, _ in curve)
    line = {"dash": "dot", "color": "grey"}
    figure.add_scatter(x=[0, top], y=[0, top], mode="lines", name="exact", line=line)
    for bundle, curve in curves.items():
        predicted, actual, count = zip(*curve, strict=True)
        words = [f"{n:,.0f} decisions" for n in count]
        figure.add_scatter(x=predicted, y=actual, text=words, mode="lines+markers", name=bundle)
    return figure.update_layout(xaxis_title="predicted take", yaxis_title="actual take")


def _days(name: str, checks: list[Check]) -> go.Figure:
    figure = go.Figure(layout={"title": name.replace("_", " "), "height": 260})
    for bundle in dict.fromkeys(c.bundle for c in checks):
        mine = [c for c in checks if c.bundle == bundle]
        figure.add_scatter(
            x=[c.day for c in mine],
            y=[c.value for c in mine],
            mode="lines+markers",
            name=bundle,
            marker={"color": [COLOURS[c.state] for c in mine], "size": 9},
        )
    return figure
