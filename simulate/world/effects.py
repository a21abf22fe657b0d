"""How strong everything in the artwork environment is: set once, with reasons, never tuned.

Effects are in logits, where the usual logistic models of plays live. "SD" of an effect of artwork
is over the candidates of one title as one member sees them: what a choice of artwork can move.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Effects:
    """The effect sizes; `docs/environment.md` tells the model around them."""

    base_play: float = -2.35
    """Logit of a play at average everything. With the rest it puts the take fraction of random
    artwork between .10 and .15: an impression on a home page is rarely played, and the page is
    already a recommendation."""
    affinity_sd: float = 1.0
    """Between members and titles. Recommendation moves more than artwork does: most of what is
    watched is chosen for what it is."""
    affinity_theme_share: float = 0.4
    """Share of affinity's variance from the member's tastes for the title's genres: the best known
    reason to watch."""
    affinity_cast_share: float = 0.2
    """The same from single cast members."""
    affinity_fame_share: float = 0.2
    """The same from popularity: head titles are played more by everybody."""
    theme_sd: float = 0.462
    """Of artwork's effect through the themes it shows. The personal part has SD .8 in all, less
    than affinity; nothing published says how it divides, so theme, subject and style have equal
    variances, .64 / 3 each: the least informed default."""
    subject_sd: float = 0.462
    """Of artwork's effect through the single subjects it shows."""
    style_sd: float = 0.462
    """Of artwork's effect through warmth, brightness and closeness."""
    quality_sd: float = 0.15
    """Of what makes a poster better for everybody. Published tests of the best image against the
    default report lifts of 10–20%: the best of six at SD .15 is 1.27 × .15 = .19 logits better,
    about 17% more plays."""
    least_fame_damping: float = 0.65
    """Artwork's effect on the most popular title, as a factor; it grows by as much again along the
    ranks to the least popular, so its mean square is 1. Who knows a title needs no poster to tell
    what it is; artwork helps lesser-known titles most."""
    base_enjoy: float = 1.0
    """Logit of watching past the threshold, once played, at average affinity and an honest poster:
    about 70% of plays."""
    enjoy_affinity: float = 0.5
    """Of affinity on enjoying: who is drawn to a title mostly likes it, but half as strongly as it
    draws, since members know their taste imperfectly."""
    clickbait: float = 1.5
    """Lost from enjoying when all that the poster shows is of themes that the title has not: from
    70% to 35% of plays, so a misleading poster abandons about twice as often."""
    row_step: float = -0.12
    """Each row down the page: fewer look."""
    column_step: float = -0.05
    """Each column to the right: fewer look."""
    search_offset: float = 0.3
    """On search results, where the member came with an intention."""
    gallery_offset: float = 0.0
    """On galleries, where browsing is leisurely."""
