"""From a file of rows to weights, a model of the rewards, and what choices could have read."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from data.errors import BadInput
from evaluate.ope.reward_model import FOLDS
from evaluate.slate.slate_file import OWNERS, PARTS, SlateFile, read_slate_file
from evaluate.slate.slates import Order, Slates
from evaluate.slate.slot_grid import SlotGrid, ratio_of
from evaluate.slate.slot_model import Places, Predicted

CLOSE = 1e-4
"""How far, of itself, a row's probability may be from the product of its slots': files round."""


def read_slates(file: Path | str, independent: bool = False) -> tuple[Slates, bool]:
    """The rows of a file, and whether it names profiles.

    Args:
        file: as `read_slate_file` takes it.
        independent: both policies choose each slot by itself, so that `logged_position` and
            `target_position` say all: what the file lacks is their products.

    Raises:
        BadInput: the file, or it has no weights at all, or its rows are not as said.
    """
    held = read_slate_file(Path(file))
    if independent:
        held = replace(held, chances=held.chances | _products(held))
    if not any(held.both(part) for part in PARTS):
        raise BadInput(
            f"{file}: no weight can be computed; give logged_X and target_X for X of slate,"
            " position, prefix or pair"
        )
    grid = held.grid
    weights = {
        part: grid.spread(
            ratio_of(
                np.nan_to_num(held.chances[f"target_{part}"]),
                np.nan_to_num(held.chances[f"logged_{part}"]),
            )
        )
        for part in PARTS
        if held.both(part)
    }
    slates = Slates(
        length=grid.length,
        reward=grid.spread(held.reward),
        group=held.group,
        slate=weights["slate"][:, 0] if "slate" in weights else None,
        position=weights.get("position"),
        prefix=weights.get("prefix"),
        pair=weights.get("pair"),
        logged=_order(held, "logged"),
        target=_order(held, "target"),
    )
    alone, after = _target_of_actions(held, slates)
    places = Places(
        there=slates.there,
        length=slates.length,
        fold=slates.group % FOLDS,
        context=held.context,
        action=grid.spread(_actions(held)),
        alone=None if alone is None else grid.spread(alone),
        after=None if after is None else grid.spread(after),
    )
    own = _given(held, "estimated_reward", alone)
    model = places.model(slates.reward, own, _given(held, "q_hat", after), held.whole)
    return replace(slates, model=model), held.clustered


def _target_of_actions(
    held: SlateFile, slates: Slates
) -> tuple[
    Float[np.ndarray, "lines actions"] | None,
    Float[np.ndarray, "lines actions"] | None,
]:
    """The target's probability of each action by itself, and after the logged ones before it."""
    after = held.by_action.get("target_given_prefix")
    # A target that chooses each slot by itself does so whatever was logged before it.
    alone = held.by_action.get("target_position", after if slates.target == "alone" else None)
    return alone, after


def _actions(held: SlateFile) -> Int[np.ndarray, " lines"]:
    return np.zeros(len(held.grid.row), np.int64) if held.action is None else held.action


def _given(
    held: SlateFile, name: str, probabilities: Float[np.ndarray, "lines actions"] | None
) -> Predicted | None:
    """A prediction that the file brings, where it says what the target does; else None."""
    predicted = held.by_action.get(name)
    if probabilities is None or predicted is None:
        return None
    logged = predicted[np.arange(len(predicted)), _actions(held)]
    mean = np.where(probabilities > 0, probabilities * predicted, 0.0).sum(1)
    return held.grid.spread(logged), held.grid.spread(mean)


def _order(held: SlateFile, owner: str) -> Order | None:
    """What a policy's choices read, by whether a row's probability is a product of its parts'."""
    grid, chances = held.grid, held.chances
    whole, position = chances.get(f"{owner}_slate"), chances.get(f"{owner}_position")
    if whole is None or position is None:
        return None
    whole, single = grid.spread(whole)[:, 0], _logarithm(position, grid)
    if _equal(whole, single.sum(1)):
        return "alone"
    pair = chances.get(f"{owner}_pair")
    if pair is None:
        return "whole"  # or the neighbour alone: no estimate that may read it can be made
    inner = single.copy()
    inner[:, 0] = 0
    inner[np.arange(len(inner)), grid.length - 1] = 0
    pairs = _logarithm(np.where(grid.last, 1.0, pair), grid)
    one = grid.length == 1
    total = np.where(one, single.sum(1), pairs.sum(1) - inner.sum(1))
    return "neighbour" if _equal(whole, total) else "whole"


def _logarithm(
    chances: Float[np.ndarray, " lines"], grid: SlotGrid
) -> Float[np.ndarray, "slates slots"]:
    """Logarithms by row and place, 0 beyond a row's end; of nothing, so small that it stays so."""
    return grid.spread(np.log(np.maximum(chances, 1e-300)))


def _equal(whole: Float[np.ndarray, " slates"], total: Float[np.ndarray, " slates"]) -> bool:
    """Whether rows have the probabilities that logarithms sum to; those of none say nothing."""
    known = whole > 0
    return bool(np.isclose(np.log(whole[known]), total[known], rtol=0, atol=CLOSE).all())


def _products(held: SlateFile) -> dict[str, Float[np.ndarray, " lines"]]:
    """The parts that a file lacks, where slots are chosen each by itself."""
    if not held.both("position"):
        raise BadInput(
            f"{held.grid.source}: --independent needs logged_position and target_position; add them"
        )
    made: dict[str, np.ndarray] = {}
    grid = held.grid
    for owner in OWNERS:
        if _order(held, owner) not in (None, "alone"):
            raise BadInput(
                f"{held.grid.source}: {owner}_slate is not the product of {owner}_position, so its"
                " slots are not independent; leave --independent away"
            )
        single = grid.spread(held.chances[f"{owner}_position"])
        filled = np.where(np.arange(single.shape[1]) < grid.length[:, None], single, 1.0)
        prefix = np.cumprod(filled, axis=1)
        following = np.concatenate([filled[:, 1:], np.ones((len(filled), 1))], axis=1)
        parts = {
            "slate": np.broadcast_to(prefix[:, -1:], prefix.shape),
            "prefix": prefix,
            "pair": filled * following,
        }
        for part, values in parts.items():
            if f"{owner}_{part}" not in held.chances:
                made[f"{owner}_{part}"] = np.where(
                    grid.last & (part == "pair"), np.nan, values[grid.row, grid.place]
                )
    return made
