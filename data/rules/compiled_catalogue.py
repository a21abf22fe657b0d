"""Rules held against what a catalogue shows on a day."""

from datetime import date

import numpy as np

from bandit.rules.book import RuleBook
from data.catalogue import Catalogue
from data.errors import BadInput
from data.records import TitleId
from data.rules.compiled import rule_book
from data.rules.traits import ArtworkTraits
from data.rules.written import WrittenRules


def book_of_catalogue(
    written: WrittenRules, catalogue: Catalogue, day: date
) -> tuple[RuleBook, list[TitleId]]:
    """An index of the rules, and the titles that its slots stand for.

    Raises:
        BadInput: as `rule_book`; or the catalogue shows nothing that day.
    """
    pools = {title: catalogue.candidates(title, day) for title in catalogue.title_ids}
    titles = [title for title, pool in pools.items() if pool]
    if not titles:
        raise BadInput(f"the catalogue {catalogue.root} shows no artwork on {day}")
    starts = np.cumsum([0, *(len(pools[title]) for title in titles)])
    names = [name for title in titles for name in pools[title]]
    traits = ArtworkTraits.of(catalogue)
    return rule_book(written.rules, traits, titles, names, starts), titles
