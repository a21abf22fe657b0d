"""Random numbers that belong to a name: the same whatever else is drawn, on any machine."""

import hashlib

import numpy as np


def named_seed(*names: str | int) -> int:
    """A 64-bit seed of these names, in this order."""
    text = "\x1f".join(map(str, names)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def named_generator(*names: str | int) -> np.random.Generator:
    """A generator of its own for these names."""
    return np.random.default_rng(named_seed(*names))


def named_normal(*names: str | int) -> float:
    """One standard normal number that these names always get."""
    return float(named_generator(*names).standard_normal())
