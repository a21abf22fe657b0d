"""Pages whose caller shows its own artwork: Marquee answers the same, and logs what it would do.

The propensity of what somebody else chose is not known. Unless the caller says it, it is logged as
1 under level `shown`, which no estimate takes for a draw; Marquee's own probabilities stand beside.
"""

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import NamedTuple

import numpy as np
import orjson

from bandit.choice import profile_keys, title_words
from bandit.draws import DrawRules, artwork_words, draw_ids, text_word
from data import clock
from data.log import PageRecords
from data.records import SHOWN, TitleId
from data.sound import id_problem
from serve.live import metrics
from serve.live.fallback_choice import FallbackChoice
from serve.live.fallbacks import LOG_WAIT, PageAnswer, shared_columns
from serve.live.page_request import PageRequest, refuse_unknown
from serve.live.recorder import LogFullError, Recorder, on_disk
from serve.live.request_facts import facts_array, facts_as_logged
from serve.live.snapshot import LiveModel

LOG = logging.getLogger("marquee.live")
SHOWN_FIELDS = frozenset({"title_id", "artwork_id", "propensity"})
REASON = "shown"
"""Why such a page is not decided live."""
NO_CANDIDATES = orjson.Fragment(b"[]")


class CallerArtwork(NamedTuple):
    """What the caller shows of a title."""

    artwork_id: str
    propensity: float
    """With which it was drawn; 1: it is not known, or it was certain."""


def parse_shown(request: Mapping[str, object]) -> dict[TitleId, CallerArtwork]:
    """What a request says that it shows, by title; nothing where it does not say.

    Raises:
        ValueError: it makes no sense; in one sentence.
    """
    shown, titles = request.get("shown"), request.get("title_ids")
    if shown is None:
        return {}
    if not isinstance(shown, list) or not isinstance(titles, list):
        raise ValueError("shown must be a list of {title_id, artwork_id, propensity}")
    asked = {title for title in titles if isinstance(title, int | str)}
    found = dict[TitleId, CallerArtwork]()
    for one in shown:
        if isinstance(one, dict):
            refuse_unknown(one, SHOWN_FIELDS, "what is shown now")
        title = one.get("title_id") if isinstance(one, dict) else None
        if not isinstance(title, int | str) or title not in asked:
            raise ValueError(f"shown: title_id {title!r:.60} is none of the page's title_ids")
        if title in found:
            raise ValueError(f"shown: title {title!r:.60} is there twice; send what is on show")
        artwork, propensity = one.get("artwork_id"), one.get("propensity")
        if not isinstance(artwork, str) or id_problem(artwork):
            raise ValueError(f"shown: artwork_id {artwork!r:.60} is no id")
        if propensity is None:
            propensity = 1.0
        if not isinstance(propensity, int | float) or not 0 < propensity <= 1:
            raise ValueError(
                f"shown: propensity {propensity!r:.40} is none: above 0, up to 1, or left out"
            )
        found[title] = CallerArtwork(artwork, float(propensity))
    return found


async def answer_shown(
    page: PageRequest,
    shown: Mapping[TitleId, CallerArtwork],
    model: LiveModel | None,
    recorder: Recorder,
) -> PageAnswer:
    """What the caller shows, whatever happens; logged where it is a candidate.

    Args:
        page: whose titles all are in `shown`.
        shown: by title.
        model: whose probabilities are logged beside; None: nothing is logged.
        recorder: where.
    """
    names, logged = dict[TitleId, str](), False
    facts_array([page.facts])  # facts that do not fit are the caller's to mend
    try:
        if model is not None:
            names, pending = _logged(page, shown, model, recorder)
            logged = len(names) == len(shown) and await on_disk(pending, LOG_WAIT)
    except LogFullError:
        names = {}
    except Exception:  # whatever a model raises, the page has what it shows
        LOG.warning("pages that show their own could not be logged", exc_info=True)
        names = {}
    if not logged:
        metrics.UNLOGGED.labels("decision").inc(len(shown) - len(names) or len(shown))
    pieces = [_piece(title, shown[title], names.get(title), model) for title in page.title_ids]
    bundle = None if model is None else model.policy.bundle
    return PageAnswer(bundle, pieces, REASON, logged)


def _logged(
    page: PageRequest,
    shown: Mapping[TitleId, CallerArtwork],
    model: LiveModel,
    recorder: Recorder,
) -> tuple[dict[TitleId, str], "Future[None]"]:
    """Hand the page to the log; decision ids by title, and when they are on disk."""
    now_us = clock.now_us()
    facts = model.features([page.facts])
    described = facts_array([page.facts]) if facts is None else facts
    # Each page is a draw of the caller's own, so it is one here.
    [decided] = model.decide([page._replace(fresh=True)], described, now_us)
    columns = model.logged(decided)
    rows = list[int]()
    for at, title in enumerate(decided.title_ids):
        names = orjson.loads(orjson.dumps(columns["candidates"][at]))
        if title in shown and shown[title].artwork_id in names:
            rows.append(at)
    titles = [decided.title_ids[at] for at in rows]
    if not titles:
        done: Future[None] = Future()
        done.set_result(None)
        return {}, done
    ids = _names(page, titles, [shown[title] for title in titles], model.policy.bundle)
    chances = columns["probabilities"]
    each: dict[str, Sequence[object]] = {
        "decision_id": ids,
        "title_id": titles,
        "candidates": [columns["candidates"][at] for at in rows],
        "action": [shown[title].artwork_id for title in titles],
        "propensity": [shown[title].propensity for title in titles],
        "probabilities": [np.asarray(chances[at], np.float64).tolist() for at in rows],
    }
    shared = shared_columns(page, facts_as_logged(page.facts), REASON, model, now_us)
    shared |= {"level": SHOWN, "seed": 0, "fingerprint": decided.fingerprint}
    pending = recorder.decisions(
        [PageRecords({**shared, "layout": model.layout.digest.hex()}, each)]
    )
    return dict(zip(titles, ids, strict=True)), pending


def _names(
    page: PageRequest, titles: Sequence[TitleId], shown: Sequence[CallerArtwork], bundle: str
) -> list[str]:
    """Decision ids of this request's showing; the same for a retry of it."""
    facts = text_word(orjson.dumps(page.facts, option=orjson.OPT_SORT_KEYS))
    return draw_ids(
        np.full(len(titles), page.nonce ^ facts, np.uint64),
        np.repeat(profile_keys([page.profile_id]), len(titles)),
        title_words(np.array(titles)),
        artwork_words([one.artwork_id for one in shown]),
        np.array([one.propensity for one in shown]),
        DrawRules(bundle, REASON, 0.0, 0, 1).record_word(SHOWN, page.cell),
    )


def _piece(title: TitleId, shown: CallerArtwork, name: str | None, model: LiveModel | None) -> str:
    path, base = "", "" if model is None else model.base_url
    if model is not None and title in model.layout.slot_of:
        slot = model.layout.slot_of[title]
        names = model.layout.candidates(slot)
        if shown.artwork_id in names:
            path = model.layout.paths[
                int(model.layout.starts[slot]) + names.index(shown.artwork_id)
            ]
    choice = FallbackChoice(
        title, shown.artwork_id, path, name, SHOWN, NO_CANDIDATES, shown.propensity
    )
    return choice.to_json(base)
