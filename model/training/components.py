"""The principal components that artworks are told apart by."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from model.eyes.open_eyes import GIVEN
from model.heads.standardise import mean_and_deviation

COMPONENTS = 24
"""Of the embeddings, or of each group of their numbers."""
LEAST = 1e-6
DECLARED, READ = "declared", "read"


class Components(NamedTuple):
    """The principal components of standardised embeddings, and of what is declared of artworks."""

    matrix: Float[Tensor, "content components"]
    shift: Float[Tensor, " components"]

    @classmethod
    def of(cls, content: Float[Tensor, "artworks content"], declared: int = 0) -> "Components":
        """Of these artworks; their rows have mean square 1.

        Args:
            content: embeddings, with what is declared of the artworks behind them.
            declared: columns of it. They have components of their own, for among those of an
                embedding's many numbers a few facts would be lost.
        """
        looks = cls._of_one(content[:, : content.shape[1] - declared])
        if not declared:
            return looks
        facts = cls._of_one(content[:, -declared:])
        matrix = torch.block_diag(looks.matrix, facts.matrix) / 2**0.5
        return cls(matrix, torch.cat([looks.shift, facts.shift]) / 2**0.5)

    @classmethod
    def by_group(
        cls,
        content: Float[Tensor, "artworks content"],
        groups: Sequence[tuple[str, int]],
        declared: int = 0,
        shown: Sequence[int] = (),
    ) -> tuple["Components", list[int]]:
        """Of these artworks, each group of numbers apart; rows of each have mean square 1.

        What is declared is a group of its own, and so is each part of what is read of pictures. The
        numbers of a group are on one scale, but for those that users gave, which are standardised.

        Args:
            content: embeddings, and behind them what is declared and read of the artworks.
            groups: name and width of each group of the embeddings; without any they are one that is
                given, and where nothing is read, it is as `of` has it.
            declared: columns of what is declared.
            shown: columns of each part of what is read, whose numbers are on one scale.

        Returns:
            The components, and how many there are of each group; none where there are no groups.
        """
        if not groups and not shown:
            return cls.of(content, declared), []
        whole = content.shape[1] - declared - sum(shown)
        named = [*(groups or [(GIVEN, whole)]), *([(DECLARED, declared)] if declared else [])]
        named += [(READ, width) for width in shown]
        parts = [
            cls._of_one(part, standard=name in (GIVEN, DECLARED))
            for (name, _), part in zip(
                named, content.split([width for _, width in named], 1), strict=True
            )
        ]
        matrix = torch.block_diag(*(part.matrix for part in parts))
        shift = torch.cat([part.shift for part in parts])
        return cls(matrix, shift), [len(part.shift) for part in parts]

    @classmethod
    def _of_one(
        cls, content: Float[Tensor, "artworks part"], standard: bool = True
    ) -> "Components":
        mean, deviation = mean_and_deviation(content)
        if not standard:
            deviation = torch.ones_like(deviation)
        scaled = (content - mean) / deviation
        axes = torch.linalg.svd(scaled, full_matrices=False)[2][:COMPONENTS].T
        size = (scaled @ axes).square().sum(1).mean().sqrt().clamp(min=LEAST)
        matrix = axes / deviation[:, None] / size
        return cls(matrix, -(mean @ matrix))

    def __call__(
        self, content: Float[Tensor, "artworks content"]
    ) -> Float[Tensor, "artworks components"]:
        """Scores of any artworks."""
        return content @ self.matrix + self.shift
