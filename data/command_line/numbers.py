"""Numbers of options that make sense within bounds alone."""

from data.errors import BadInput


def refuse_outside(option: str, value: float, least: float, most: float | None = None) -> None:
    """See to it that a number is one that the command can work with.

    Args:
        option: as people write it: `--block`.
        value: that was given.
        least: that makes sense.
        most: that does; None: there is no such bound.

    Raises:
        BadInput: it is none of these.
    """
    if not least <= value or (most is not None and not value <= most):  # nor is NaN within
        bound = "or more" if most is None else f"to {most:.7g}"
        raise BadInput(f"{option} {value:.7g}: give {least:.7g} {bound}")
