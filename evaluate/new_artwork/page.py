"""Images that were judged for a title, as one HTML page that needs no network."""

import base64
import io
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import plotly.graph_objects as go
from PIL import Image

from data.atomic_write import write_text_whole
from data.catalogue import Catalogue
from data.images.decode import load_image

if TYPE_CHECKING:
    from evaluate.new_artwork.judge import Judged, Verdict

STYLE = """body{font-family:system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;
color:#1d2430}h1,h2{font-weight:600}.card{display:inline-block;width:16rem;margin:0 1rem 1rem 0;
vertical-align:top}.card img{width:100%;border-radius:.4rem}.card b{font-size:1.2rem}
td,th{text-align:left;padding:.25rem .8rem;border-bottom:1px solid #e4e7ec}table{border-collapse:
collapse}p{color:#515b6b}"""


def write_page(
    found: "Judged", catalogue: Catalogue, title_id: int, members: int, path: Path
) -> None:
    """Write the images with what they add, the curve of value, segments and what to commission."""
    name = catalogue.titles["name"].to_pylist()[catalogue.title_ids.index(title_id)]
    figures = [_curve(found), _segments(found)]
    plots = [
        figure.to_html(full_html=False, include_plotlyjs="inline" if at == 0 else False)
        for at, figure in enumerate(figures)
    ]
    rows = "".join(
        f"<tr><td>{escape(kind.kind)}</td><td>{kind.images}</td><td>{kind.gain:+.5f}</td>"
        f"<td>{kind.low:+.5f} … {kind.high:+.5f}</td><td>{escape(kind.best)}</td></tr>"
        for kind in found.kinds
    )
    write_text_whole(
        path,
        f"""<!doctype html><html lang="en"><head><meta charset="utf-8">
<title>New artwork for {escape(name)}</title><style>{STYLE}</style></head><body>
<h1>New artwork for {escape(name)}</h1>
<p>Judged for {members:,} members. With its {len(found.today)} artworks of today the title is
expected to earn {found.value.value:.4f} takes an impression
({found.value.low:.4f} … {found.value.high:.4f} over the model's heads).</p>
{"".join(map(_card, found.images))}
<h2>Value by number of candidates</h2>{plots[0]}
<h2>For whom</h2>{plots[1]}
<h2>What to commission next</h2>
<p>Images of other titles, scored as if they were this title's, by kind.</p>
<table><tr><th>kind</th><th>images</th><th>would add</th><th>95% interval</th><th>such as</th></tr>
{rows}</table></body></html>""",
    )


def _card(verdict: "Verdict") -> str:
    picture = Image.fromarray(load_image(verdict.image, 180, 320).transpose(1, 2, 0))
    packed = io.BytesIO()
    picture.save(packed, "JPEG", quality=85)
    source = base64.b64encode(packed.getvalue()).decode()
    return (
        f'<div class="card"><img alt="" src="data:image/jpeg;base64,{source}">'
        f"{escape(Path(verdict.image).name)}<br><b>{verdict.adds.value:+.4f}</b> to the title<br>"
        f"take {verdict.take.value:.4f} ({verdict.take.low:.4f} … {verdict.take.high:.4f}), "
        f"best of all for {verdict.best:.0%}</div>"
    )


def _curve(found: "Judged") -> go.Figure:
    count = list(range(1, len(found.curve) + 1))
    names = [found.names[step.artwork] for step in found.curve]
    new = [name not in found.today for name in names]
    figure = go.Figure(layout={"height": 380, "margin": {"t": 20}})
    low, high = ([getattr(step.value, end) for step in found.curve] for end in ("low", "high"))
    figure.add_scatter(
        x=count + count[::-1], y=high + low[::-1], fill="toself", mode="lines",
        line={"width": 0}, fillcolor="rgba(46,94,170,.15)", name="over heads",
    )  # fmt: skip
    figure.add_scatter(
        x=count, y=[step.value.value for step in found.curve], mode="lines+markers",
        text=[Path(name).name for name in names], name="expected take",
        marker={"size": 10, "color": ["#d1495b" if n else "#2e5eaa" for n in new]},
        line={"color": "#2e5eaa"},
    )  # fmt: skip
    return figure.update_layout(
        xaxis_title="candidates (red: new)", yaxis_title="expected take of the title"
    )


def _segments(found: "Judged") -> go.Figure:
    parts = list(found.images[0].audience) if found.images else []
    figure = go.Figure(layout={"height": max(240, 22 * len(parts) + 120), "margin": {"t": 20}})
    figure.add_heatmap(
        x=[Path(verdict.image).name for verdict in found.images], y=parts,
        z=[[verdict.audience[part]["adds"] for verdict in found.images] for part in parts],
        colorscale="Blues", colorbar={"title": "adds"},
    )  # fmt: skip
    return figure
