"""Synopses written from what a title stresses: words of themes, in plain sentences."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

THEMES = {
    "romance": "love kiss wedding heart bride romance letters summer longing flowers couple dance",
    "crime": "murder detective police killer prison gang heist evidence witness robbery crime gun",
    "space": "planet spaceship galaxy alien astronaut orbit robot colony stars mission signal moon",
    "family": "children mother school brother grandmother puppy holiday birthday kitchen farm"
    " cousins picnic",
    "horror": "ghost haunted scream blood cellar curse demon graveyard shadows nightmare ritual"
    " fog",
    "comedy": "laugh prank awkward party clumsy neighbour mishap joke roommate chaos disguise"
    " karaoke",
}
"""Words that each theme is told in; six themes, as many as there are numbers of a trait."""
_OPENINGS = ("A story of", "Everything changes after", "Nobody forgets", "It begins with", "Beyond")
_JOINS = ("and", "with", "against", "then", "before")
WORDS = 18
"""Words of themes in a synopsis: two sentences of about forty words in all, as catalogues have."""
SHARPNESS = 1.0
"""How much more often a theme one deviation stronger is named, as a logit: the counts of a theme's
words then say half of what there is to know of the traits."""


def write_synopsis(
    traits: Float[np.ndarray, " themes"],
    rng: np.random.Generator,
    words_of: Sequence[Sequence[str]] = tuple(words.split() for words in THEMES.values()),
) -> str:
    """Two sentences in which stronger themes have more words.

    Args:
        traits: strength of each theme, about 1 in size: the logarithm of how often it is named.
        rng: picks the words.
        words_of: each theme; those of `THEMES`, or a catalogue's own.
    """
    weight = np.exp(SHARPNESS * traits)
    themes = rng.choice(len(traits), WORDS, p=weight / weight.sum())
    words = [str(rng.choice(words_of[theme])) for theme in themes]
    cut = WORDS // 2
    return " ".join(_sentence(part, rng) for part in (words[:cut], words[cut:]))


def _sentence(words: list[str], rng: np.random.Generator) -> str:
    said = [str(rng.choice(_OPENINGS)), words[0]]
    for word in words[1:]:
        said += [str(rng.choice(_JOINS)), word]
    return " ".join(said) + "."
