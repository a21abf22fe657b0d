"""Members whom pages can look as, out of a file of profiles."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import urlencode

import pyarrow as pa

from data.errors import BadInput
from data.records import FACTS
from data.schema import Schema
from data.schema.page_facts import without_page_facts
from evaluate.report.fact_words import FactWords
from evaluate.report.own_words import own_words
from serve.precompute.profiles import readable_profiles

MOST = 100_000
"""Members of a file that are kept to be picked from."""
SUGGESTED = 200
"""Of them that a page suggests while somebody types."""


@dataclass(frozen=True)
class Member:
    """Somebody, and what is known of them."""

    profile_id: str
    facts: pa.StructArray
    """One row, as FACTS."""
    words: list[str]
    composed: str | None = None
    """The facts as JSON, of somebody made of them; None: a profile has them."""

    @property
    def query(self) -> str:
        """What names them in an address."""
        if self.composed is not None:
            return urlencode({"facts": self.composed})
        return urlencode({"member": self.profile_id})


class KnownMembers:
    """The members of a file.

    Args:
        file: Parquet file or folder of profiles; None: nobody is known.
        schema: what is declared of them besides.

    Raises:
        BadInput: as `readable_profiles`.
    """

    def __init__(self, file: Path | None, schema: Schema) -> None:
        self.schema = schema
        facts = pa.array([], FACTS)
        self.ids: list[str] = []
        if file is not None:
            table = readable_profiles(file).members.slice(0, MOST)
            self.ids = table["profile_id"].to_pylist()
            facts = pa.concat_arrays([facts, *table["facts"].chunks])
        self.facts = without_page_facts(facts, schema.known_at_request())
        self._row = {name: row for row, name in enumerate(self.ids)}

    @cached_property
    def _words(self) -> tuple[FactWords, list[list[str]]]:
        return FactWords(self.facts), own_words(self.facts, self.schema)

    def suggested(self) -> list[str]:
        """Ids evenly out of all."""
        step = max(1, len(self.ids) // SUGGESTED)
        return self.ids[::step][:SUGGESTED]

    def member(self, profile_id: str) -> Member:
        """A member by id.

        Raises:
            BadInput: nobody of that id is known.
        """
        row = self._row.get(profile_id)
        if row is None:
            raise BadInput(
                f"no member {profile_id!r:.80} among the {len(self.ids):,} profiles; pick one of "
                "those that are suggested, or start the pages with --profiles"
            )
        usual, own = self._words
        return Member(profile_id, self.facts.slice(row, 1), usual(row) + own[row])

    def pair(self, asked: Mapping[str, str]) -> list[Member]:
        """The members that an address names, the first two of the file where it names none.

        Raises:
            BadInput: as `member`, or the file has nobody.
        """
        if not self.ids:
            raise BadInput("no members are known; start the pages with --profiles FILE")
        names = [asked[key] for key in ("member", "other") if asked.get(key)]
        if not names:
            names = self.ids[:: max(1, len(self.ids) // 2)][:2]
        return [self.member(name) for name in dict.fromkeys(names)]
