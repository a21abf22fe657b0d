"""What the live service decides with: one bundle and one catalogue, loaded whole or not at all.

A snapshot never changes. A new bundle or catalogue is a new snapshot, swapped in between two
batches, so no request fails and every decision names the bundle that made it.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson
import pyarrow as pa
from jaxtyping import Float, Int

from bandit.choice import decision_ids, decision_seeds, profile_keys
from serve.decide import decide_pages
from serve.layout import Layout
from serve.lookup import PLACEHOLDER
from serve.precompute import Facts, Policy


class Ask(NamedTuple):
    """One page's request to decide."""

    profile_id: str
    title_ids: Sequence[int]
    day: int
    nonce: int  # tells two requests of one day apart; equal for a retry with the same request id


class Choice(NamedTuple):
    """One title's decision."""

    title_id: int
    artwork_id: str
    path: str
    decision_id: str | None
    propensity: float
    level: str
    seed: int
    candidates: tuple[str, ...]
    probabilities: list[float] | None


def shown(choice: Choice, base_url: str) -> dict[str, Any]:
    """A choice as an answer says it."""
    return {
        "title_id": choice.title_id,
        "artwork_id": choice.artwork_id,
        "url": base_url + choice.path if choice.path else PLACEHOLDER,
        "decision_id": choice.decision_id,
        "propensity": choice.propensity,
        "level": choice.level,
    }


def piece(choice: Choice, base_url: str) -> bytes:
    """The same as JSON."""
    return orjson.dumps(shown(choice, base_url))


@dataclass(frozen=True)
class LiveModel:
    """A bundle's scores for a catalogue."""

    policy: Policy
    layout: Layout
    vectors: Float[np.ndarray, "artworks dimension"]
    describe: Callable[[pa.StructArray], Facts]
    best: Int[np.ndarray, " titles"] | None  # ordinals of the unpersonalised best, −1: none
    score_image: Callable[[bytes, int], dict[str, Any]] | None = None
    base_url: str = ""
    slot_of: dict[int, int] = field(init=False)
    fallback: dict[int, Choice] = field(init=False)  # what a title shows to all members
    pieces: dict[int, bytes] = field(init=False)  # the same as JSON
    _columns: Float[np.ndarray, "titles dimension ranks"] = field(init=False)

    def __post_init__(self) -> None:
        titles = self.layout.title_ids.tolist()
        object.__setattr__(self, "slot_of", {title: slot for slot, title in enumerate(titles)})
        counts, starts = self.layout.counts, self.layout.starts[:-1]
        ranks = np.minimum(np.arange(counts.max()), counts[:, None] - 1)
        columns = self.vectors[starts[:, None] + ranks].astype(np.float32)
        object.__setattr__(self, "_columns", np.ascontiguousarray(columns.swapaxes(1, 2)))

        fallback = {}
        for title, slot in self.slot_of.items():
            ordinal, level = int(self.layout.defaults[slot]), "default"
            if self.best is not None and self.best[slot] >= 0:
                ordinal, level = int(self.best[slot]), "unpersonalised"
            artwork, path = self.layout.artwork_ids[ordinal], self.layout.paths[ordinal]
            shown = self.layout.candidates(slot)
            fallback[title] = Choice(title, artwork, path, None, 1.0, level, 0, shown, None)
        object.__setattr__(self, "fallback", fallback)
        pieces = {title: piece(choice, self.base_url) for title, choice in fallback.items()}
        object.__setattr__(self, "pieces", pieces)

    def known(self, title_ids: Sequence[int]) -> list[int]:
        """Titles that have candidates today."""
        return [title for title in title_ids if title in self.slot_of]

    def decide(self, asks: Sequence[Ask], facts: pa.StructArray) -> list[list[Choice]]:
        """Decide pages together; titles outside the catalogue are left out.

        Args:
            asks: pages; `facts` has one row for each.
            facts: as `data.records.FACTS`.
        """
        layout = self.layout
        wanted = [self.known(ask.title_ids) for ask in asks]
        longest = max(map(len, wanted))
        if not longest:
            return [[] for _ in asks]
        slots = np.zeros((len(asks), longest), np.int64)
        for row, titles in enumerate(wanted):
            slots[row, : len(titles)] = [self.slot_of[title] for title in titles]
        keys = np.repeat(np.asarray(profile_keys([ask.profile_id for ask in asks])), longest)
        title_ids = layout.title_ids[slots].astype(np.int64)
        seeds = np.empty(slots.shape, np.uint64)
        by_row = keys.reshape(slots.shape)
        for row, ask in enumerate(asks):
            seeds[row] = decision_seeds(by_row[row], title_ids[row], ask.day, self.policy.salt)
        functionals = self.describe(facts).functionals
        decided = decide_pages(
            functionals,
            self._columns[slots].transpose(0, 2, 3, 1),
            layout.counts[slots],
            seeds,
            self.policy.epsilon,
        )
        answers = []
        for row, (ask, titles) in enumerate(zip(asks, wanted, strict=True)):
            count = len(titles)
            mixed = seeds[row, :count] ^ np.uint64(ask.nonce)
            names = decision_ids(mixed, by_row[row, :count], title_ids[row, :count], ask.day)
            ordinals = layout.starts[slots[row, :count]] + decided.choice[row, :count]
            chances = decided.probabilities[row].T[:count].tolist()
            answers.append(
                [
                    Choice(
                        title,
                        layout.artwork_ids[ordinal],
                        layout.paths[ordinal],
                        name,
                        propensity,
                        "personalised",
                        seed,
                        candidates := layout.candidates(slot),
                        chance[: len(candidates)],
                    )
                    for title, ordinal, name, propensity, seed, slot, chance in zip(
                        titles,
                        ordinals.tolist(),
                        names,
                        decided.propensity[row, :count].tolist(),
                        seeds[row, :count].tolist(),
                        slots[row, :count].tolist(),
                        chances,
                        strict=True,
                    )
                ]
            )
        return answers


def request_nonce(bundle: str, request_id: str) -> int:
    """What sets this request's decisions apart from others of the profile, title and day."""
    raw = f"{bundle}/{request_id}".encode()
    return int.from_bytes(hashlib.blake2b(raw, digest_size=8).digest(), "little")


class ModelSource:
    """Follows `current` to the newest bundle; keeps the old one when the new is no good.

    Args:
        current: symlink to the bundle folder.
        load: reads a bundle folder whole and checks it; any exception refuses it.
        stamp: what else the model was made from, as a value that changes with it (the day, the
            catalogue's files).
    """

    def __init__(
        self,
        current: Path,
        load: Callable[[Path], LiveModel],
        stamp: Callable[[], Any] = lambda: None,
    ) -> None:
        self._current, self._load, self._stamp = current, load, stamp
        self.model: LiveModel | None = None
        self._seen: tuple[str, int, Any] | None = None
        self.refused = ""
        """Why the newest bundle was not taken; empty when it was."""
        self.events: dict[str, int] = {"loaded": 0, "refused": 0, "no_current": 0}

    def look(self) -> bool:
        """Load what `current` points at if that is new; gives whether the model changed."""
        try:
            folder = self._current.resolve(strict=True)
            manifest = (folder / "manifest.json").stat().st_mtime_ns
            seen = (str(folder), manifest, self._stamp())
        except OSError as error:
            self.events["no_current"] += 1
            self.refused = f"{self._current} leads nowhere: {error}"
            return False
        if seen == self._seen:
            return False
        self._seen = seen
        try:
            model = self._load(folder)
        except Exception as error:
            self.events["refused"] += 1
            self.refused = f"bundle {folder.name} was refused: {error}"
            return False
        self.model, self.refused = model, ""
        self.events["loaded"] += 1
        return True
