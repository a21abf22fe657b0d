"""The model card: what a bundle is for, what it learnt from, how well, and where it ends."""

from collections.abc import Mapping

from data.artwork_effects import ArtworkRecords
from data.pictures import MAIN
from export.graphs.description import BundleDescription

SHOWN = {"whole": "a whole picture", "crop": "a picture about its focal point, or its middle"}
LIMITS = """\
- It ranks the artworks of one title for one member. It does not rank titles, and its take
  probabilities hold for the pages and members that the log came from.
- An artwork that it was not trained on is scored by its pixels alone; the heads disagree more
  there, so it is explored.
- Facts that training never saw fall into a bucket of their own.
- What members were never shown was never learnt: estimates lean on the log's propensities.
- Nothing here judges whether an artwork is true to its title, or fit for all audiences.
"""


def model_card(
    description: BundleDescription,
    heads: int,
    fingerprint: str,
    metrics: Mapping[str, object],
    records: ArtworkRecords | None,
) -> str:
    """Markdown for people; everything in it is in the manifest or was said of the data.

    Args:
        description: what the manifest says beside the network.
        heads: in a bank of functionals.
        fingerprint: of the features.
        metrics: what was measured.
        records: of artworks' own.
    """
    image, policy, parent = description.image, description.head_policy, description.parent
    encoder = description.encoder
    data = {**description.data, **({"encoder": encoder} if encoder else {})}
    lines = [
        "# Model card",
        "",
        f"Chooses a title's artwork for a member by the reward `{description.reward_name}`: "
        f"a {policy.kind} policy over {heads} heads, of which a share of "
        f"{policy.epsilon} explores at random.",
        "",
        f"- Created {description.when}",
        f"- Trained after bundle `{parent}`" if parent else "- No parent",
        "- Artwork as "
        + (
            f"{image.width} × {image.height} pixels of {SHOWN[image.fit]}, RGB, 8 bits"
            + ("" if image.canvas == MAIN else f", of canvas `{image.canvas}`")
            if image
            else "embeddings from the catalogue, no pixels"
        ),
        *(
            [
                f"- With records of {len(records.artwork_ids):,} artworks: what their own "
                "rewards said beyond their looks"
            ]
            if records
            else []
        ),
        f"- Features `{fingerprint[:16]}…`, in `features.json`",
        "",
        "## Data",
        "",
        *(_table(data) if data else ["Not described."]),
        "",
        "## Measured",
        "",
        *(_table(metrics) if metrics else ["Not measured."]),
        "",
        "## Limits",
        "",
        LIMITS,
    ]
    return "\n".join(lines)


def _table(values: Mapping[str, object]) -> list[str]:
    rows = [f"| {name} | {_said(value)} |" for name, value in values.items()]
    return ["| | |", "|---|---|", *rows]


def _said(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_said(part)}" for name, part in value.items())
    return str(value).replace("|", "\\|").replace("\n", " ")
