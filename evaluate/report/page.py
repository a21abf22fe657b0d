"""Findings as one HTML file that needs nothing else: charts, images and script are inside."""

import base64
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, StrictUndefined
from PIL import Image
from plotly.offline import get_plotlyjs

from data.atomic_write import write_text_whole
from data.catalogue import Catalogue
from data.images.decode import load_image
from evaluate.ope.paired_bootstrap import Range
from evaluate.report import charts as charts
from evaluate.report.advice import advice
from evaluate.report.findings import Findings

TEMPLATE = Path(__file__).with_name("page.html")
HEIGHT, WIDTH = 180, 320
"""Of the posters on the page, in pixels."""
CONFIG = {"displayModeBar": False, "responsive": True}


def write_report(found: Findings, catalogue: Catalogue, out: Path | str) -> Path:
    """Write the page, whole or not at all.

    Args:
        found: what it says.
        catalogue: whose images it shows; a bundle without an image encoder is shown none.
        out: the HTML file.

    Raises:
        BadInput: an image cannot be decoded.
    """
    out = Path(out)
    figures = {
        "takes": charts.take_fractions(found.takes),
        "estimates": charts.estimates(found.estimates, found.takes if found.exact else {}),
        "calibration": charts.calibration(found.calibration),
        "learning": None if found.curves is None else charts.learning(found.curves),
        "cold_start": None if found.cold_start is None else charts.cold_start(found.cold_start),
    }
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters |= {"percent": _percent, "number": lambda n: f"{n:,}"}
    page = environment.from_string(TEMPLATE.read_text()).render(
        found=found,
        tiles=_tiles(found),
        charts={name: _division(name, figure) for name, figure in figures.items() if figure},
        images=_images(found, catalogue) if found.bundle["image"] else {},
        advice=advice(found),
        plotly=get_plotlyjs(),
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    write_text_whole(out, page)
    return out


def _tiles(found: Findings) -> list[tuple[str, str, str]]:
    """Number, what it is, and its interval."""
    thompson, word = found.takes["thompson"], "exact" if found.exact else "estimated by DR"
    tiles = [("take fraction of Thompson sampling", f"{thompson.value:.4f}", _between(thompson))]
    if lift := found.lift.get("thompson"):
        tiles.append(("over random artwork", _percent(lift.value), _percents(lift)))
    if share := found.share.get("greedy"):
        tiles.append(("of the oracle's gain, greedy", f"{share.value:.0%}", _percents(share, "")))
    error = found.calibration.error
    tiles.append(("calibration error", f"{error:.4f}", "mean distance of prediction and truth"))
    return [(value, label, small if "…" not in small else f"{small} · {word}")
            for label, value, small in tiles]  # fmt: skip


def _images(found: Findings, catalogue: Catalogue) -> Mapping[str, str]:
    """Artwork → data URI, of all that the page shows."""
    wanted = {name for title in found.titles for name in title.artwork_ids}
    return {name: _data_uri(catalogue.image_path(name)) for name in sorted(wanted)}


def _data_uri(path: Path) -> str:
    pixels = load_image(path, height=HEIGHT, width=WIDTH)
    held = io.BytesIO()
    Image.fromarray(pixels.transpose(1, 2, 0)).save(held, "webp", quality=78)
    return f"data:image/webp;base64,{base64.b64encode(held.getvalue()).decode()}"


def _division(name: str, figure: go.Figure) -> str:
    return figure.to_html(
        full_html=False, include_plotlyjs=False, config=CONFIG, div_id=f"chart-{name}"
    )


def _percent(value: Any) -> str:
    return f"{value:+.1%}"


def _between(found: Range) -> str:
    return f"{found.low:.4f} … {found.high:.4f}"


def _percents(found: Range, sign: str = "+") -> str:
    return f"{found.low:{sign}.1%} … {found.high:{sign}.1%}"
