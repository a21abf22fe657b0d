"""Images that were judged for a title, as one HTML page that needs no network."""

import base64
import io
from html import escape
from pathlib import Path

import plotly.graph_objects as go
from PIL import Image

from data.atomic_write import write_text_whole
from data.catalogue import Catalogue
from data.images.decode import thumbnail
from evaluate.new_artwork.records import ImageValue, NewArtwork

STYLE = """body{font-family:system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;
color:#1d2430}h1,h2{font-weight:600}.card{display:inline-block;width:16rem;margin:0 1rem 1rem 0;
vertical-align:top}.card img{width:100%;border-radius:.4rem}.card b{font-size:1.2rem}
td,th{text-align:left;padding:.25rem .8rem;border-bottom:1px solid #e4e7ec}table{border-collapse:
collapse}p{color:#515b6b}"""


def write_page(value: NewArtwork, catalogue: Catalogue, path: Path) -> None:
    """Write the images with what they add, the curve of value, segments and what to commission."""
    name = catalogue.titles["name"].to_pylist()[catalogue.title_ids.index(value.title)]
    today, count = value.today, len(value.today.artworks)
    curve, segments = (
        figure.to_html(full_html=False, include_plotlyjs="inline" if at == 0 else False)
        for at, figure in enumerate((_curve(value), _segments(value)))
    )
    rows = "".join(
        f"<tr><td>{escape(kind.kind)}</td><td>{kind.images}</td><td>{kind.gain:+.5f}</td>"
        f"<td>{kind.low:+.5f} … {kind.high:+.5f}</td><td>{escape(kind.best)}</td></tr>"
        for kind in value.commission_next
    )
    write_text_whole(
        path,
        f"""<!doctype html><html lang="en"><head><meta charset="utf-8">
<title>New artwork for {escape(name)}</title><style>{STYLE}</style></head><body>
<h1>New artwork for {escape(name)}</h1>
{"".join(f"<p>{escape(words)}</p>" for words in value.words)}
<p>Judged for {value.members:,} members. From its {count} artworks of today, as the bundle chooses
among them, the title is expected to earn {today.value:.4f}.</p>
{"".join(map(_card, value.images))}
<h2>Value by number of candidates</h2>{curve}
<h2>For whom</h2>
<p>What an image adds in parts of the audience, drawn towards what it adds to all of it as far as
they cannot be told apart.</p>{segments}
<h2>What to commission next</h2>
<p>Images of other titles, scored as if they were this title's, by kind.</p>
<table><tr><th>kind</th><th>images</th><th>would add</th><th>95% interval</th><th>such as</th></tr>
{rows}</table></body></html>""",
    )


def _card(image: ImageValue) -> str:
    picture = Image.fromarray(thumbnail(image.image, 180, 320).transpose(1, 2, 0))
    packed = io.BytesIO()
    picture.save(packed, "JPEG", quality=85)
    source = base64.b64encode(packed.getvalue()).decode()
    adds, ratio = image.adds, image.ratio
    most = ", ".join(image.most_for[:3]) or "nobody more than others"
    return (
        f'<div class="card"><img alt="" src="data:image/jpeg;base64,{source}">'
        f"{escape(image.name)}<br><b>{adds.value:+.4f}</b> to the title "
        f"({adds.low:+.4f} … {adds.high:+.4f})<br>"
        f"× {ratio.value:.2f} of known artwork ({ratio.low:.2f} … {ratio.high:.2f})<br>"
        f"take {image.expected_take:.4f} ({image.low:.4f} … {image.high:.4f})<br>"
        f"best of all for {image.probability_of_best:.0%}; most for {escape(most)}</div>"
    )


def _curve(value: NewArtwork) -> go.Figure:
    count = [point.candidates for point in value.curve]
    figure = go.Figure(layout={"height": 380, "margin": {"t": 20}})
    figure.add_scatter(
        x=count,
        y=[point.value for point in value.curve],
        mode="lines+markers",
        text=[Path(point.artwork).name for point in value.curve],
        name="expected take",
        marker={"size": 10, "color": ["#d1495b" if p.new else "#2e5eaa" for p in value.curve]},
        line={"color": "#2e5eaa"},
    )
    return figure.update_layout(
        xaxis_title="candidates (red: new)", yaxis_title="expected take of the title"
    )


def _segments(value: NewArtwork) -> go.Figure:
    parts = list(value.images[0].audience) if value.images else []
    figure = go.Figure(layout={"height": max(240, 22 * len(parts) + 120), "margin": {"t": 20}})
    figure.add_heatmap(
        x=[image.name for image in value.images],
        y=parts,
        z=[[image.audience[part].adds for image in value.images] for part in parts],
        colorscale="Blues",
        colorbar={"title": "adds"},
    )
    return figure
