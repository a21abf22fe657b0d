"""The draw: one seed a decision, so that every run, machine and log agrees on the choice.

Seeds are mixed with the finaliser of splitmix64 (Steele, Lea and Flood 2014, "Fast Splittable
Pseudorandom Number Generators").
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int64, Integer, Shaped, UInt64

GOLDEN = 0x9E3779B97F4A7C15
MASK = (1 << 64) - 1
UNIT = 2.0**-53
_GOLDEN = np.uint64(GOLDEN)
_SHIFTS = np.uint64(30), np.uint64(27), np.uint64(31)
_FACTORS = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
SMALL = 1024
"""Decisions of a few pages, for which the number of NumPy calls is what counts."""


def profile_keys(profile_ids: Sequence[str]) -> UInt64[np.ndarray, " profiles"]:
    """A 64-bit key of each profile: the same on every machine (BLAKE2b, little-endian)."""
    digest = hashlib.blake2b
    joined = b"".join(digest(name.encode(), digest_size=8).digest() for name in profile_ids)
    return np.frombuffer(joined, "<u8").astype(np.uint64)


def title_words(
    title_ids: Sequence[int] | Sequence[str] | Shaped[np.ndarray, "..."],
) -> UInt64[np.ndarray, "..."]:
    """A 64-bit word of each title, which seeds mix in: the same on every machine.

    A whole number is its own word. A text has the BLAKE2b hash of its bytes, under a person of its
    own, so that a title and a profile of one name have different words.
    """
    if len(title_ids) and isinstance(title_ids[0], str):
        words = (
            hashlib.blake2b(str(t).encode(), digest_size=8, person=b"title") for t in title_ids
        )
        return np.frombuffer(b"".join(w.digest() for w in words), "<u8").astype(np.uint64)
    return np.asarray(title_ids).astype(np.uint64)


def decision_seeds(
    profile_keys: UInt64[np.ndarray, "..."],
    title_ids: Integer[np.ndarray, "..."],
    day: int,
    salt: int,
) -> UInt64[np.ndarray, "..."]:
    """A seed for each decision; keys and titles broadcast against each other.

    Args:
        profile_keys: from `profile_keys`.
        title_ids: `title_words` of the titles decided for.
        day: number of the day; another day draws anew.
        salt: of the policy; another salt draws anew.
    """
    base = mix_number(mix_number(salt & MASK) ^ (day & MASK))
    keys = mix_words(np.asarray(profile_keys, np.uint64) ^ np.uint64(base))
    return mix_words(keys + np.asarray(title_ids).astype(np.uint64))


def uniforms(seeds: UInt64[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """A number in [0, 1) for each seed, in steps of 2⁻⁵³."""
    return (mix_words(np.asarray(seeds, np.uint64)) >> np.uint64(11)) * UNIT


def choose(
    probabilities: Float[np.ndarray, "decisions candidates"],
    uniforms: Float[np.ndarray, " decisions"],
) -> Int64[np.ndarray, " decisions"]:
    """The candidate whose stretch of [0, 1) holds the draw; never one of probability 0.

    Raises:
        ValueError: a row has no positive probability.
    """
    choice, propensity = draw_candidates(probabilities.T[None], uniforms[None])
    if not propensity.all():
        row = int(propensity[0].argmin())
        raise ValueError(f"decision row {row} has no probability above 0; nothing to choose")
    return choice[0]


def draw_candidates(
    probabilities: Float[np.ndarray, "members ranks titles"],
    uniforms: Float[np.ndarray, "members titles"],
) -> tuple[Int64[np.ndarray, "members titles"], Float[np.ndarray, "members titles"]]:
    """`choose` for members × titles: ranks of the choices, and their probabilities.

    A decision without a positive probability has a choice of probability 0.
    """
    ranks = probabilities.shape[1]
    if uniforms.size <= SMALL:  # few decisions: few calls rather than little memory
        reached = np.add.accumulate(probabilities, axis=1)
        choice = np.add.reduce(reached <= uniforms[:, None], axis=1, dtype=np.int64)
    else:
        reached = np.zeros(uniforms.shape)
        choice = np.zeros(uniforms.shape, np.int64)
        for rank in range(ranks):
            reached += probabilities[:, rank]
            choice += reached <= uniforms
    # Rounding may leave the sum a hair below one: the last candidate with a chance takes the rest.
    np.minimum(choice, ranks - 1, out=choice)
    rows, columns = np.arange(uniforms.shape[0])[:, None], np.arange(uniforms.shape[1])
    propensity = probabilities[rows, choice, columns]
    for _ in range(ranks - 1):
        if propensity.all():
            break
        choice -= propensity == 0
        propensity = probabilities[rows, choice, columns]
    return choice, propensity


def decision_ids(
    seeds: UInt64[np.ndarray, " decisions"],
    profile_keys: UInt64[np.ndarray, " decisions"],
    title_ids: Integer[np.ndarray, " decisions"],
    day: int,
) -> list[str]:
    """Names of decisions, 32 hex digits each, that follow from what was decided for whom."""
    seeds = np.asarray(seeds, np.uint64)
    of_whom = mix_words(np.asarray(profile_keys, np.uint64) + np.uint64(GOLDEN))
    of_what = mix_words(of_whom ^ np.asarray(title_ids).astype(np.uint64))
    high = mix_words(of_what + np.uint64(mix_number(day & MASK)))
    halves = np.stack([mix_words(high ^ seeds), mix_words(seeds + np.uint64(GOLDEN)) ^ high], -1)
    digits = halves.astype(">u8").tobytes().hex()
    return [digits[at : at + 32] for at in range(0, len(digits), 32)]


def mix_words(words: UInt64[np.ndarray, "..."]) -> UInt64[np.ndarray, "..."]:
    """Splitmix64's next output of each word."""
    # In place, by constants made once: pages mix few words, and often.
    mixed = words + _GOLDEN
    mixed ^= mixed >> _SHIFTS[0]
    mixed *= _FACTORS[0]
    mixed ^= mixed >> _SHIFTS[1]
    mixed *= _FACTORS[1]
    mixed ^= mixed >> _SHIFTS[2]
    return mixed


def mix_number(word: int) -> int:
    """`mix_words` of one number, without an array's overhead."""
    mixed = (word + GOLDEN) & MASK
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & MASK
    return mixed ^ (mixed >> 31)
