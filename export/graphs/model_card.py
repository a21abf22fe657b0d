"""The model card: what a bundle is for, what it learnt from, how well, and where it ends."""

from collections.abc import Mapping
from typing import Any

LIMITS = """\
- It ranks the artworks of one title for one member. It does not rank titles, and its take
  probabilities hold for the pages and members that the log came from.
- An artwork that it was not trained on is scored by its pixels alone; the heads disagree more
  there, so it is explored.
- Facts that training never saw fall into a bucket of their own.
- What members were never shown was never learnt: estimates lean on the log's propensities.
- Nothing here judges whether an artwork is true to its title, or fit for all audiences.
"""


def model_card(manifest: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    """Markdown for people; everything in it is in the manifest or was said of the data."""
    image = manifest["image"]
    policy = manifest["policy"]
    seen = (
        f"{image['width']} × {image['height']} pixels, RGB, 8 bits"
        if image
        else "embeddings from the catalogue, no pixels"
    )
    lines = [
        "# Model card",
        "",
        f"Chooses a title's artwork for a member by the reward `{manifest['reward_name']}`: "
        f"a {policy['kind']} policy over {policy['heads']} heads, of which a share of "
        f"{policy['epsilon']} explores at random.",
        "",
        f"- Created {manifest['created']}",
        f"- Trained after bundle `{manifest['parent']}`" if manifest["parent"] else "- No parent",
        f"- Artwork as {seen}",
        *(
            [
                f"- With records of {manifest['records']['artworks']:,} artworks: what their own "
                "rewards said beyond their looks"
            ]
            if manifest.get("records")
            else []
        ),
        f"- Features `{manifest['feature_fingerprint'][:16]}…`, in `features.json`",
        "",
        "## Data",
        "",
        *(_table(data) if data else ["Not described."]),
        "",
        "## Measured",
        "",
        *(_table(manifest["metrics"]) if manifest["metrics"] else ["Not measured."]),
        "",
        "## Limits",
        "",
        LIMITS,
    ]
    return "\n".join(lines)


def _table(values: Mapping[str, Any]) -> list[str]:
    rows = [f"| {name} | {_said(value)} |" for name, value in values.items()]
    return ["| | |", "|---|---|", *rows]


def _said(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_said(part)}" for name, part in value.items())
    return str(value).replace("|", "\\|").replace("\n", " ")
