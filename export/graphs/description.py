"""What is said of a network when it becomes a bundle."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bandit.head_policy import HeadPolicy
from data.images.format import ImageFormat
from model.eyes.frozen_encoder import FrozenEncoder


@dataclass(frozen=True)
class BundleDescription:
    """What a manifest says of a network beside the network itself."""

    image: ImageFormat | None
    """That the encoder was trained on; None without encoder."""
    reward_name: str
    """What the logits predict."""
    head_policy: HeadPolicy
    salt: int
    parent: str | None
    """Id of the bundle that was live when training began; None if there was none."""
    metrics: Mapping[str, object]
    """Of training and evaluation, for the manifest and the model card."""
    temperature: float = 1.0
    """That logits are divided by for calibrated takes."""
    data: Mapping[str, object] = field(default_factory=dict)
    """About the examples, for the model card: name → value."""
    encoder: str | None = None
    """The name that `--model.encoder` has for it; None: found out."""
    frozen: FrozenEncoder | None = None
    """What sees in place of an encoder of the network; None: the network has one, or none at
    all."""
    created: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def when(self) -> str:
        """When it was made, to the second, in UTC."""
        return self.created.astimezone(UTC).isoformat(timespec="seconds")
