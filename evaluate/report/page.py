"""Findings as one HTML file that needs nothing else: charts, images and script are inside."""

import base64
import io
from collections.abc import Mapping
from pathlib import Path

import plotly.graph_objects as go
from jinja2 import Environment, StrictUndefined
from PIL import Image
from plotly.offline import get_plotlyjs

from data.atomic_write import write_text_whole
from data.catalogue import Catalogue
from data.images.decode import thumbnail
from evaluate.ope.paired_bootstrap import Range
from evaluate.policies.table import led_by, verdict_lines
from evaluate.report import charts
from evaluate.report.advice import advice
from evaluate.report.findings import Findings

TEMPLATE = Path(__file__).with_name("page.html")
HEIGHT, WIDTH = 180, 320
"""Of the posters on the page, in pixels."""
CONFIG = {"displayModeBar": False, "responsive": True}


def write_report(
    findings: Findings, catalogue: Catalogue, out: Path | str, only: str | None = None
) -> Path:
    """Write the page, whole or not at all.

    Args:
        findings: what it says.
        catalogue: whose images it shows; a bundle without an image encoder is shown none.
        out: the HTML file.
        only: SQL that the rows that were read hold for; None: all were.

    Raises:
        BadInput: an image cannot be decoded.
    """
    out = Path(out)
    figures = {
        "takes": charts.take_fractions(findings.takes),
        "estimates": charts.estimates(
            findings.estimates, findings.takes if findings.exact else {}, findings.read
        ),
        "calibration": charts.calibration(findings.calibration),
        "learning": None if findings.curves is None else charts.learning(findings.curves),
        "cold_start": None
        if findings.cold_start is None
        else charts.cold_start(findings.cold_start),
    }
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters |= {"percent": _percent, "number": lambda n: f"{n:,}"}
    page = environment.from_string(TEMPLATE.read_text()).render(
        found=findings,
        only=only,
        tiles=_tiles(findings),
        verdicts=verdict_lines(findings.estimates, findings.read),
        columns=led_by(findings.read, next(iter(findings.estimates.values()))),
        charts={name: _division(name, figure) for name, figure in figures.items() if figure},
        images=_images(findings, catalogue) if findings.reads_pixels else {},
        advice=advice(findings),
        plotly=get_plotlyjs(),
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    write_text_whole(out, page)
    return out


def _tiles(findings: Findings) -> list[tuple[str, str, str]]:
    """Number, what it is, and its interval."""
    word = "exact" if findings.exact else f"estimated by {findings.read.upper()}"
    thompson = findings.takes["thompson"]
    tiles = [
        (
            f"{thompson.value:.4f}",
            "take fraction of Thompson sampling",
            f"{_between(thompson)} · {word}",
        )
    ]
    if lift := findings.lift.get("thompson"):
        tiles.append((_percent(lift.value), "over random artwork", f"{_percents(lift)} · {word}"))
    if share := findings.share.get("greedy"):
        small = f"{_percents(share, '')} · {word}"
        tiles.append((f"{share.value:.0%}", "of the oracle's gain, greedy", small))
    gap = findings.calibration.gap
    between = f"{gap.low:.4f} … {gap.high:.4f} · chance, taken off, would add {gap.noise:.4f}"
    return [*tiles, (f"{gap.error:.4f}", "calibration error", between)]


def _images(findings: Findings, catalogue: Catalogue) -> Mapping[str, str]:
    """Artwork → data URI, of all that the page shows."""
    wanted = {name for title in findings.titles for name in title.artwork_ids}
    return {name: _data_uri(catalogue.image_path(name)) for name in sorted(wanted)}


def _data_uri(path: Path) -> str:
    pixels = thumbnail(path, HEIGHT, WIDTH)
    held = io.BytesIO()
    Image.fromarray(pixels.transpose(1, 2, 0)).save(held, "webp", quality=78)
    return f"data:image/webp;base64,{base64.b64encode(held.getvalue()).decode()}"


def _division(name: str, figure: go.Figure) -> str:
    return figure.to_html(
        full_html=False, include_plotlyjs=False, config=CONFIG, div_id=f"chart-{name}"
    )


def _percent(value: float) -> str:
    return f"{value:+.1%}"


def _between(interval: Range) -> str:
    return f"{interval.low:.4f} … {interval.high:.4f}"


def _percents(interval: Range, sign: str = "+") -> str:
    return f"{interval.low:{sign}.1%} … {interval.high:{sign}.1%}"
