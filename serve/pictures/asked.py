"""Which canvases a page asks for, and the languages that its member reads."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from data.pictures import MAIN
from data.sound import id_problem

CANVASES_LIMIT, LANGUAGES_LIMIT = 8, 16


class AskedPictures(NamedTuple):
    """What pictures a page wants of the artwork that is chosen."""

    canvases: Sequence[str]
    """The first is what `url` is of."""
    languages: Sequence[str]
    """In order of preference."""


def asked_pictures(request: Mapping[str, object]) -> AskedPictures | None:
    """What a request says in `canvas` and `languages`; None: nothing, so main pictures.

    Raises:
        ValueError: they make no sense.
    """
    if not isinstance(request, Mapping):
        raise ValueError("the request must be an object")
    canvas, languages = request.get("canvas"), request.get("languages")
    if canvas is None and languages is None:
        return None
    canvases = [canvas] if isinstance(canvas, str) else canvas
    return AskedPictures(
        _names(canvases, "canvas", CANVASES_LIMIT) or [MAIN],
        _names(languages, "languages", LANGUAGES_LIMIT),
    )


def _names(values: object, field: str, most: int) -> list[str]:
    if values is None:
        return []
    if not isinstance(values, list) or len(values) > most:
        raise ValueError(f"{field} must be a list of at most {most} names")
    for value in values:
        if not isinstance(value, str) or id_problem(value) is not None:
            raise ValueError(f"{field}: {value!r:.60} is no name")
    return list(dict.fromkeys(values))
