"""What findings are looked for in: pages of new members of a seed, and a learner's days."""

from dataclasses import dataclass
from functools import cached_property

from bench.findings.clickbait import trained_on
from bench.findings.competition import on_and_off_line
from bench.findings.pages import Pages, new_members, pages_of
from bench.small_demo import DemoFolders
from evaluate.policies.bundle_scores import BundleScores
from simulate.world.artwork_world import ArtworkWorld


@dataclass(frozen=True)
class Sizes:
    """How much is browsed and learnt."""

    days: range
    """Of pages."""
    decisions: int
    """Places on all pages of a day."""
    learning_days: int
    """Of the learner that plays mislead."""
    learning_decisions: int
    """Of each of these."""
    lure: float
    """Added to the logit of plays of artwork that misleads wholly."""


@dataclass(frozen=True)
class Scene:
    """A catalogue, a bundle's scores of it, and members that no log has."""

    demo: DemoFolders
    scores: BundleScores
    catalogue: ArtworkWorld
    sizes: Sizes
    seed: int

    @cached_property
    def world(self) -> ArtworkWorld:
        """The catalogue for the members of the seed."""
        return new_members(self.catalogue, self.seed)

    @cached_property
    def pages(self) -> Pages:
        """Under random artwork."""
        sizes, bundle = self.sizes, self.demo.bundle
        return pages_of(self.scores, bundle, self.world, sizes.days, sizes.decisions, self.seed)

    def competition(self) -> dict[str, dict[str, float]]:
        """Lifts on-line and off-line: see `on_and_off_line`."""
        sizes = self.sizes
        return on_and_off_line(self.scores, self.world, sizes.days, sizes.decisions, self.seed)

    def clickbait(self) -> dict[str, dict[str, float]]:
        """What learners of plays and of takes choose: see `trained_on`."""
        sizes = self.sizes
        return trained_on(
            self.demo.catalogue,
            sizes.lure,
            sizes.learning_days,
            sizes.learning_decisions,
            self.seed,
        )
