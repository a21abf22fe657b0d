"""Which canvases and kinds of assets a page asks for, and the languages that its member reads."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from data.assets.asset_rows import ARTWORK, is_kind
from data.pictures import MAIN
from data.sound import id_problem

CANVASES_LIMIT, LANGUAGES_LIMIT, KINDS_LIMIT = 8, 16, 4


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


class AskedKinds(NamedTuple):
    """What a page shows beside artwork."""

    kinds: Sequence[str]
    """In the order in which it shows them."""
    languages: Sequence[str]
    """That its member reads; none: any."""


def asked_kinds(request: Mapping[str, object]) -> AskedKinds | None:
    """What a request says in `kinds`; None: it shows artwork alone.

    Languages are those of `languages`, or else of its facts.

    Raises:
        ValueError: they make no sense.
    """
    kinds = _names(request.get("kinds"), "kinds", KINDS_LIMIT)
    if not kinds:
        return None
    if ARTWORK in kinds:
        raise ValueError("kinds: artwork is always chosen; name what is shown beside it")
    if strange := [kind for kind in kinds if not is_kind(kind)]:
        raise ValueError(
            f"kinds: {strange[0]!r:.60} is no name of a kind; use small letters, as in synopsis"
        )
    languages = _names(request.get("languages"), "languages", LANGUAGES_LIMIT)
    facts = request.get("facts")
    told = facts.get("language") if isinstance(facts, Mapping) else None
    if not languages and isinstance(told, str):
        languages = [told]
    return AskedKinds(kinds, languages)


def _names(values: object, field: str, most: int) -> list[str]:
    if values is None:
        return []
    if not isinstance(values, list) or len(values) > most:
        raise ValueError(f"{field} must be a list of at most {most} names")
    for value in values:
        if not isinstance(value, str) or id_problem(value) is not None:
            raise ValueError(f"{field}: {value!r:.60} is no name")
    return list(dict.fromkeys(values))
