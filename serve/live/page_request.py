"""One page's request to decide, out of the JSON that it came as."""

import hashlib
import math
import uuid
from collections.abc import Mapping, Sequence, Set
from difflib import get_close_matches
from typing import NamedTuple

from data import clock
from data.days import DAY_US
from data.records import TitleId
from data.schema.request_facts import Declared
from data.sound import id_problem
from serve.live.request_facts import RequestFacts, folded
from serve.pictures.asked import AskedKinds, asked_kinds
from serve.rules.asked import AskedArtwork, parse_asked

TITLES_LIMIT = 1000
LAST_DAY = 100_000
"""In the year 2243."""
LONGEST_MS = 60_000
"""A page's deadline is cut to it."""
MODES = ("draw", "preview", "unpersonalised")
"""How a page is answered."""
FIELDS = frozenset(
    {
        *("profile_id", "title_ids", "facts", "request_id", "day", "cell", "fresh", "shown"),
        *("profiling", "candidates", "exclude", "audience", "mode"),
        *("canvas", "languages", "kinds"),
    }
)
"""What a request may say, as `serve.live.schema.DecideRequest` documents it."""


class PageRequest(NamedTuple):
    """Who looks, at which titles, and what is known now."""

    profile_id: str
    title_ids: Sequence[TitleId]
    day: int
    nonce: int  # tells two requests apart; equal for a retry with the same request id
    facts: RequestFacts
    cell: str | None = None  # of an experiment
    fresh: bool = False  # draw anew, whatever the map says and other pages drew
    profiling: bool = True  # False: nothing is chosen by who looks, and nothing is logged
    asked: AskedArtwork | None = None  # of its artwork
    mode: str = MODES[0]
    odd: Sequence[str] = ()  # declared facts that cannot be, and are taken for not known
    beside: AskedKinds | None = None  # what it shows beside artwork

    @property
    def logs(self) -> bool:
        """Whether what is decided is logged: not of a preview."""
        return self.mode != "preview"


def parse_page(
    request: Mapping[str, object],
    bundle: str,
    declared: Declared | None = None,
    is_text: bool | None = None,
) -> PageRequest:
    """A request, checked.

    Args:
        request: JSON as `serve.live.schema.DecideRequest` documents it.
        bundle: in use.
        declared: facts that the bundle knows besides those of Marquee; None: no bundle is in use.
        is_text: what the catalogue's title ids are, else whole numbers; None: not known.

    Raises:
        KeyError: a field is missing.
        ValueError: a field makes no sense.
    """
    profile_id, title_ids = request["profile_id"], parse_title_ids(request, is_text)
    if not isinstance(profile_id, str):
        raise ValueError("profile_id must be a string")
    if wrong := id_problem(profile_id):
        raise ValueError(f"profile_id: {wrong}")
    day, cell = request.get("day"), request.get("cell")
    facts, odd = folded(sent_facts(request), declared)
    if day is None:
        day = clock.now_us() // DAY_US
    elif not isinstance(day, int) or isinstance(day, bool) or not 0 <= day <= LAST_DAY:
        raise ValueError(f"day must be a whole number: days since 1970-01-01, up to {LAST_DAY}")
    if cell is not None and not isinstance(cell, str):
        raise ValueError("cell must be a string")
    if cell and (wrong := id_problem(cell)):
        raise ValueError(f"cell: {wrong}")
    fresh = request.get("fresh") or False
    if not isinstance(fresh, bool):
        raise ValueError("fresh must be true or false")
    profiling = request.get("profiling", True)
    if not isinstance(profiling, bool):
        raise ValueError("profiling must be true or false")
    request_id = str(request.get("request_id") or uuid.uuid4().hex)
    if wrong := id_problem(request_id):
        raise ValueError(f"request_id: {wrong}")
    mode = request.get("mode") or MODES[0]
    if mode not in MODES:
        raise ValueError(f"mode is {str(mode)[:40]!r}; send one of {', '.join(MODES)}")
    return PageRequest(
        profile_id,
        title_ids,
        day,
        request_nonce(bundle, request_id),
        facts,
        cell,
        fresh,
        profiling,
        parse_asked(request, title_ids),
        str(mode),
        odd,
        asked_kinds(request),
    )


def refuse_unknown(sent: Mapping[str, object], known: Set[str], what: str) -> None:
    """Refuse fields that nobody reads: an exclusion under a wrong name would be none.

    Args:
        sent: as JSON has it.
        known: names of fields.
        what: the fields are of, in words.

    Raises:
        ValueError: there is another; in one sentence, with the name that is nearest to it.
    """
    if sent.keys() <= known:
        return
    name = next(name for name in sent if name not in known)
    near = get_close_matches(str(name), known, 1)
    hint = f"did you mean {near[0]}?" if near else f"send {', '.join(sorted(known))}"
    raise ValueError(f"{str(name)[:60]!r} is no field of {what}; {hint}")


def sent_facts(request: Mapping[str, object]) -> RequestFacts:
    """Facts of a request, its audience among them.

    Raises:
        ValueError: they are no object, or say two audiences.
    """
    facts, audience = request.get("facts") or {}, request.get("audience")
    if not isinstance(facts, dict):
        raise ValueError("facts must be an object")
    if audience is None:
        return facts
    if not isinstance(audience, str):
        raise ValueError("audience must be a string")
    if facts.get("audience", audience) != audience:
        raise ValueError("audience and facts.audience differ; send one of them")
    return facts | {"audience": audience}


def deadline_ms(text: str | None) -> float | None:
    """Milliseconds that a request gives itself; None if it does not say.

    Raises:
        ValueError: they are no finite number, or negative.
    """
    if text is None:
        return None
    try:
        milliseconds = float(text)
    except ValueError:
        milliseconds = math.nan
    if not 0 <= milliseconds < math.inf:
        raise ValueError(f"X-Deadline-Ms {text[:40]!r}: give milliseconds, 0 or more")
    return min(milliseconds, LONGEST_MS)


def parse_title_ids(request: Mapping[str, object], is_text: bool | None = None) -> list[TitleId]:
    """Titles of a request, each once.

    Args:
        request: JSON.
        is_text: what the catalogue's title ids are, else whole numbers; None: not known.

    Raises:
        KeyError: they are missing.
        ValueError: they make no sense, or are of another kind than the catalogue's.
    """
    title_ids = request["title_ids"]
    if not isinstance(title_ids, list) or len(title_ids) > TITLES_LIMIT:
        raise ValueError(
            f"title_ids must be a list of at most {TITLES_LIMIT} whole numbers or text"
        )
    kinds = {type(title) for title in title_ids}
    if not (kinds <= {int} or kinds <= {str}):
        raise ValueError("title_ids must be whole numbers, or all be text")
    if kinds == {int}:
        if min(title_ids) < -(2**63) or max(title_ids) >= 2**63:
            raise ValueError("title_ids must be whole numbers of 64 bits")
    elif wrong := next(filter(None, map(id_problem, title_ids)), None):
        raise ValueError(f"title_ids: {wrong}")
    if title_ids:
        refuse_kind(title_ids[0], is_text)
    return list(dict.fromkeys(title_ids))


def refuse_kind(title: TitleId, is_text: bool | None) -> None:
    """Refuse a title id of another kind than the catalogue's: "7" is not 7.

    Raises:
        ValueError: it is; in one sentence.
    """
    if is_text is not None and isinstance(title, str) != is_text:
        sent, wanted = ("whole numbers", "text") if is_text else ("text", "whole numbers")
        raise ValueError(
            f"title ids must be {wanted}, as in the catalogue; {title!r:.60} was sent, as {sent}"
        )


def request_nonce(bundle: str, request_id: str) -> int:
    """What sets this request's decisions apart from others of the profile, title and day."""
    raw = f"{bundle}/{request_id}".encode()
    return int.from_bytes(hashlib.blake2b(raw, digest_size=8).digest(), "little")
