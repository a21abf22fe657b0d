"""Closed forms: what heads that learn by gradients begin at, and what all may ask for afterwards.

Of a few thousand rewards gradient steps learn less than a posterior does, and nothing of what is
read of pictures. So the towers begin at the mean of that posterior: artworks' vectors, the
functional that all heads share and what matches are worth are its own, and stay; heads learn what
is to be added to the functional, from nothing.
"""

from dataclasses import dataclass, replace

import torch

from model.heads.interface import LastLayerHeads, ProjectedHeads
from model.network.towers import Marquee
from model.training.buffered_source import Source
from model.training.fit_hierarchical import CatalogueArtworks, fit_hierarchical
from model.training.fit_last_layer import LastLayerPosterior, fit_last_layer
from model.training.fit_random_effects import ArtworkPosterior, NoEffects, fit_random_effects
from model.training.posterior import Inferred
from model.training.settings import RandomEffects


@torch.no_grad()
def begin_in_closed_form(network: Marquee, examples: Source, artworks: CatalogueArtworks) -> None:
    """Infer what all artworks share, and keep it from learning; heads begin at nothing beside it.

    Args:
        network: on the CPU, in evaluation; of kind hierarchical it is left as it is.
        examples: to be trained on, with embeddings in the images' place.
        artworks: of the catalogue.
    """
    context, candidate = network.context, network.candidate
    if context.base is None:
        return
    fit_hierarchical(network, context.base, examples, artworks).share()
    context.heads.begin_at_nothing()
    inferred = candidate.image, candidate.contrast, candidate.tags, candidate.gain, context.match
    for part in (*inferred, candidate.genre):
        part.requires_grad_(False)
    candidate.worth.requires_grad_(False)


@dataclass(frozen=True)
class ClosedForms:
    """See `model.heads.interface.Inference`."""

    network: Marquee
    """Trained, on the CPU, in evaluation."""
    examples: Source
    """That it was trained on, with embeddings in the images' place."""
    artworks: CatalogueArtworks
    settings: RandomEffects
    seed: int

    def random_effects(self) -> Inferred:
        """What each artwork's own rewards say."""
        effects, metrics = self._random_effects()
        return Inferred(effects, effects.records(), metrics)

    def last_layer(self, heads: LastLayerHeads, /) -> Inferred:
        """The posterior of the last layer, then random effects beside it."""
        fit_last_layer(self.network, heads, self.examples, self.seed)
        effects, metrics = self._random_effects()
        posterior = LastLayerPosterior(self.network, heads, effects, self.seed)
        return Inferred(posterior, effects.records(), metrics)

    def hierarchical_regression(self, heads: ProjectedHeads, /) -> Inferred:
        """Facts, content features and random effects in one regression."""
        posterior = fit_hierarchical(self.network, heads, self.examples, self.artworks)
        posterior = replace(posterior, scale=self.settings.share())
        return Inferred(posterior, posterior.records(), {})

    def _random_effects(self) -> tuple[ArtworkPosterior | NoEffects, dict[str, float]]:
        return fit_random_effects(self.network, self.examples, self.artworks.ids, self.settings)
