"""What is shown beside a title's artwork, as answers and the log say it."""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import orjson
from jaxtyping import Float

from data.records import KIND_COLUMNS

BESIDE = ',"assets":{'
"""How a decision's JSON begins to tell of them."""


class ShownAsset(NamedTuple):
    """What a page shows of a kind."""

    kind: str
    asset_id: str
    text: str | None
    frames: Sequence[str]
    """URLs of its picture or key frames."""
    propensity: float
    """Given the artwork and the kinds before; 1 of a default."""


class TitleAssets(NamedTuple):
    """What is shown beside a title's artwork, and what the log says of it."""

    shown: Sequence[ShownAsset]
    candidates: Sequence[Sequence[str]]
    joint: float
    """Propensity of all, the artwork's included."""
    combinations: Float[np.ndarray, "artworks _"] | None
    """Probability of every one; None: there are too many to keep."""


def name_with(name: str, assets: TitleAssets) -> str:
    """The name of a draw of artwork and assets: it hashes the artwork's, and all that is logged.

    Args:
        name: of the artwork's draw.
        assets: beside it.
    """
    shown = (part for one in assets.shown for part in one[:2])
    told = (name, assets.joint.hex(), *shown, assets.candidates)
    return hashlib.blake2b(orjson.dumps(told), digest_size=16).hexdigest()


def spelt_beside(piece: str, shown: Sequence[ShownAsset], joint: float | None) -> str:
    """A decision as JSON, with what is shown beside its artwork.

    Args:
        piece: the decision.
        shown: beside it; nothing leaves it as it is.
        joint: propensity of all; None: of a default, which nobody drew.
    """
    if not shown:
        return piece
    told = {
        one.kind: {
            "asset_id": one.asset_id,
            "text": one.text,
            "frames": one.frames,
            "propensity": one.propensity,
        }
        for one in shown
    }
    both = {"assets": told} if joint is None else {"assets": told, "joint_propensity": joint}
    return f"{piece[:-1]},{orjson.dumps(both).decode()[1:]}"


def logged_beside(
    titles: Sequence[TitleAssets | None], ruled: Sequence[int] | None
) -> dict[str, Sequence[object]]:
    """Columns of the log of what was chosen beside a page's artwork.

    Args:
        titles: of the page.
        ruled: effect of rules on each title's artwork, 0: none, whose candidates are then others.
    """
    columns: dict[str, list[object]] = {name: [] for name in KIND_COLUMNS.names}
    for at, title in enumerate(titles):
        if title is None:
            for values in columns.values():
                values.append(None)
            continue
        changed = ruled is not None and ruled[at]
        kept = None if changed or title.combinations is None else title.combinations.ravel()
        row = (
            [one.kind for one in title.shown],
            [one.asset_id for one in title.shown],
            title.candidates,
            [one.propensity for one in title.shown],
            title.joint,
            None if kept is None else kept.tolist(),
        )
        for values, value in zip(columns.values(), row, strict=True):
            values.append(value)
    return dict(columns)
