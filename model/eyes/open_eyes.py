"""`--model.encoder` in words to eyes: which kind, and what is chosen where nothing is told."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data.errors import BadInput
from data.images.format import ImageFormat
from model.eyes.backbone import BackboneEye
from model.eyes.efficientnet_lite import INSTALL, PUBLISHED, EfficientNetLite, package_file
from model.eyes.interface import Eye
from model.eyes.own_model import OwnModel
from model.eyes.simple_numbers import SimpleEye

AUTO = "auto"
GIVEN = "features"
"""The catalogue's own embeddings: alone, or beside eyes."""
INSTEAD_OF_PIXELS = ("attributes", GIVEN)
"""Encoders that are told, and see nothing."""
WITH_PACKAGE, WITHOUT_PACKAGE = "lite0+simple", "cnn+simple"
FROZEN = (*PUBLISHED, "simple")
WITHOUT = (SimpleEye, OwnModel)
"""Eyes that read no `--model.weights`."""
FINER = 2
"""How many times the usual sides images have that published networks read: they learnt on larger
ones than the small network."""


def chosen_encoder(name: str, weights: str = "none") -> tuple[str, str | None]:
    """The encoder that is meant, and what is to be said of the choice.

    Args:
        name: as it was told.
        weights: as they were told.
    """
    if name != AUTO:
        return name, None
    if weights != "none":
        raise BadInput(
            f"--model.weights {weights} are of an encoder: name it with --model.encoder as well"
        )
    if package_file() is not None:
        return WITH_PACKAGE, f"seeing through EfficientNet-Lite0 (--model.encoder {WITH_PACKAGE})"
    return WITHOUT_PACKAGE, (
        "no pretrained eyes are installed: artwork that nobody has shown is judged by what a small "
        f"network learns of this log alone (--model.encoder {WITHOUT_PACKAGE}); {INSTALL}"
    )


def is_frozen(name: str) -> bool:
    """Whether an encoder of that name reads pixels, and learns nothing from rewards."""
    first = name.removeprefix(f"{GIVEN}+").split("+")[0]
    return first in FROZEN or first.partition(":")[0] in ("frozen", "timm", "onnx")


def reads_given(name: str) -> bool:
    """Whether an encoder of that name reads what comes with the catalogue, beside pixels or not."""
    return GIVEN in name.split("+")


@dataclass(frozen=True)
class Eyes:
    """Those of a frozen encoder, side by side; what comes with the catalogue is none of them."""

    name: str
    each: Sequence[Eye]

    @classmethod
    def named(cls, name: str, weights: str) -> "Eyes":
        """Those of a name such as `lite0+simple`, one that `is_frozen`.

        Raises:
            BadInput: one is not known, or its declaration cannot be read.
        """
        each = [_eye(part, weights) for part in name.split("+") if part != GIVEN]
        if weights not in ("none", "DEFAULT") and all(isinstance(of, WITHOUT) for of in each):
            raise BadInput(
                f"--model.weights {weights}: nothing of --model.encoder {name} reads weights of "
                "its own; leave them out"
            )
        sizes = {eye.size: eye.name for eye in each if eye.size is not None}
        if len(sizes) > 1:
            words = ", ".join(f"{one} {size[1]} × {size[0]}" for size, one in sizes.items())
            raise BadInput(f"--model.encoder {name}: {words}: eyes side by side read one size")
        return cls(name, each)

    def format(self, usual: ImageFormat, told: bool) -> ImageFormat:
        """The format of the images that they read.

        Args:
            usual: as suits the catalogue.
            told: its size was told, and stays.

        Raises:
            BadInput: another size was told than one of them takes, or too small a one.
        """
        fixed = next((eye for eye in self.each if eye.size is not None), None)
        sides = usual.height, usual.width
        if fixed is not None and fixed.size is not None:
            if told and sides != fixed.size:
                raise BadInput(
                    f"--data.height {sides[0]} --data.width {sides[1]}: {fixed.name} takes images "
                    f"of {fixed.size[1]} × {fixed.size[0]} pixels; leave them out"
                )
            sides = fixed.size
        elif not told:
            sides = FINER * usual.height, FINER * usual.width
        for eye in self.each:
            if min(sides) < eye.least:
                larger = "give larger --data.height and --data.width"
                if fixed is not None:
                    larger = f"{fixed.name} takes no others, so leave one of them out"
                raise BadInput(
                    f"images of {sides[1]} × {sides[0]} pixels are too small for {eye.name}, which "
                    f"needs sides of {eye.least} at least; {larger}"
                )
        return ImageFormat(*sides, usual.fit, usual.canvas)


def _eye(name: str, weights: str) -> Eye:
    kind, _, of = name.partition(":")
    match kind:
        case _ if kind in PUBLISHED and not of:
            of_package = weights in ("none", "DEFAULT")  # the one that is published
            return EfficientNetLite(package_file(kind) if of_package else Path(weights), kind)
        case "simple" if not of:
            return SimpleEye()
        case "onnx" if of:
            return OwnModel.read(Path(of))
        case "frozen" | "timm" if of:
            return BackboneEye(kind, of, weights)
    raise BadInput(
        f"--model.encoder has {name!r} beside eyes that learn nothing; these are lite0, lite1, "
        "lite2, simple, frozen:BACKBONE (torchvision's), timm:BACKBONE and onnx:FILE.yaml"
    )
