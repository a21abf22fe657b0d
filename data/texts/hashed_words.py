"""Texts as hashed words, pairs of words and pieces of words: no model, no download."""

import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Float

BUCKETS = 4096
"""Numbers of a text; two grams that share one are told apart by the others of their words."""
PIECE = 4
"""Letters of a piece of a word, so that inflections of a word are alike."""
_WORD = re.compile(r"\w+")


class HashedWords:
    """The encoder that always works: counts of grams, damped, of length one."""

    name = "hashed words v1"
    numbers = BUCKETS

    def encode(self, texts: Sequence[str]) -> Float[np.ndarray, "texts numbers"]:
        """A vector of length one for each text; 0 for one without a word."""
        rows = np.zeros((len(texts), BUCKETS), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for gram, count in Counter(_grams(text)).items():
                digest = zlib.crc32(gram.encode())
                sign = 1.0 if digest & 1 else -1.0
                row[(digest >> 1) % BUCKETS] += sign * np.log1p(count)
        length = np.linalg.norm(rows, axis=1, keepdims=True)
        return rows / np.where(length > 0, length, 1.0)


def _grams(text: str) -> Iterator[str]:
    words = _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
    for word in words:
        yield word
        edged = f"<{word}>"
        yield from (edged[at : at + PIECE] for at in range(len(edged) - PIECE + 1))
    yield from (" ".join(pair) for pair in pairwise(words))
