"""What the live service decides with: one bundle and one catalogue, loaded whole or not at all.

A snapshot never changes. A new bundle or catalogue is a new snapshot, swapped in between two
batches, so no request fails and every decision names the bundle that made it.
"""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
from jaxtyping import Float, Int, UInt64

from bandit.draws import DrawRules, Epochs
from bandit.rows.decide_rows import RowDecided
from bandit.rules.decide import Ruled, candidates_under_rules
from bandit.thompson_batch import Decided
from data import clock
from data.features import ContextFeatures, Names, NameTable
from data.records import TitleId
from data.rules.traits import ArtworkTraits
from data.schema.request_facts import Declared
from serve.live.fallback_choice import FallbackChoice
from serve.live.page_draws import opening_words, page_draws
from serve.live.page_request import PageRequest
from serve.live.request_facts import RequestFacts
from serve.live.shown.image_model import ImageModel
from serve.live.shown.joint_rows import JointRows, joint_for, one_by_one
from serve.live.shown.page_assets import PageAssets
from serve.live.shown.page_decisions import NOTHING_DECIDED, PageDecisions, spelt_decisions
from serve.live.shown.page_decisions import logged_columns as columns_of
from serve.live.shown.ruled import RuledShown, kept
from serve.maps.layout import Layout
from serve.maps.run_info import CatalogueWords
from serve.pictures.file_mark import FileMark
from serve.pictures.layout_pictures import LayoutPictures
from serve.pictures.page_pictures import PagePictures
from serve.rules.asked import AskedArtwork
from serve.rules.layout_rules import LayoutRules
from serve.scoring.candidate_bank import decide_pages, page_scores
from serve.scoring.member_model import MemberFunctionals, MemberModel, PlannedMembers
from serve.scoring.served_policy import ServedPolicy

NOTHING_DECLARED = Declared({}, {})


@dataclass(frozen=True)
class LiveModel:
    """A bundle's scores for a catalogue."""

    policy: ServedPolicy
    layout: Layout
    vectors: Float[np.ndarray, "artworks dimension"]
    members: MemberModel
    best: Int[np.ndarray, " titles"] | None  # ordinals of the unpersonalised best, −1: none
    images: ImageModel | None = None
    """Scores images that the catalogue does not have."""
    base_url: str = ""
    """Put before each artwork's path."""
    epochs: Epochs = field(default_factory=Epochs)
    """How long draws last."""
    left_out: Mapping[Path, FileMark | None] = field(default_factory=dict)
    """Image files that could not be had → what they were like when it was tried."""
    planned: PlannedMembers | None = None
    """The same model of members, where it takes features that a plan made; None: it does not."""
    declared: Declared = NOTHING_DECLARED
    """Facts that requests may have besides those of Marquee."""
    pictures: LayoutPictures | None = None
    """Of the layout's artworks; None: one each."""
    traits: ArtworkTraits | None = None
    """What rules can be about; None: there can be no rules."""
    rules: LayoutRules | None = None
    """That hold for pages; None: there are none."""
    names: Names | None = None
    """Whom each artwork names; None: nobody."""
    joint: JointRows | None = None
    """By which pages are decided as rows; None: each title by itself."""
    paged: bool = False
    """Whether decisions are logged with their page and neighbours."""
    assets: PageAssets | None = None
    """What titles can be shown with beside their artwork; None: nothing."""
    words: CatalogueWords = field(init=False)
    slot_of: dict[TitleId, int] = field(init=False)
    paths: frozenset[str] = field(init=False)
    """Files of the artworks that are shown, of every canvas, within the catalogue."""
    fallback: dict[TitleId, FallbackChoice] = field(init=False)  # what a title shows to all members
    pieces: dict[TitleId, str] = field(init=False)  # the same as JSON
    _openings: list[str] = field(init=False)  # of each artwork's JSON, up to the decision id
    _lists: list[orjson.Fragment] = field(init=False)  # each title's candidates as JSON
    _words: UInt64[np.ndarray, "4 titles"] = field(init=False)
    _counts: Int[np.ndarray, " titles"] = field(init=False)
    _starts: Int[np.ndarray, " titles"] = field(init=False)
    _columns: Float[np.ndarray, "titles dimension ranks"] = field(init=False)
    _names: NameTable | None = field(init=False)  # of the artworks
    _ranked: Int[np.ndarray, "titles ranks"] = field(init=False)  # ordinals
    _rules: dict[int, DrawRules] = field(init=False)
    _every: tuple[dict[TitleId, int], dict[TitleId, FallbackChoice], dict[TitleId, str]] = field(
        init=False
    )
    ruled: RuledShown | None = field(init=False)
    """What titles show and log under rules; None: there are none."""

    def with_rules(self, rules: LayoutRules | None) -> "LiveModel":
        """The same model under other rules; titles of which they leave nothing are not shown."""
        model, bare = copy(self), frozenset[TitleId]() if rules is None else rules.bare
        for name, each in zip(("slot_of", "fallback", "pieces"), self._every, strict=True):
            left = {t: one for t, one in each.items() if t not in bare} if bare else each
            object.__setattr__(model, name, left)
        object.__setattr__(model, "rules", rules)
        object.__setattr__(model, "ruled", rules and RuledShown(rules, self.layout, self._every[1]))
        return model

    def mended(self) -> bool:
        """Whether an image that was left out has changed since."""
        return any(FileMark.of(file) != mark for file, mark in self.left_out.items())

    def __post_init__(self) -> None:
        layout, put = self.layout, partial(object.__setattr__, self)
        titles = layout.title_ids.tolist()
        put("words", CatalogueWords.of(layout))
        put("slot_of", layout.slot_of)
        more = frozenset() if self.pictures is None else self.pictures.paths
        more |= frozenset() if self.assets is None else self.assets.paths
        put("paths", frozenset(layout.paths) | more)
        counts, starts = layout.counts, layout.starts[:-1]
        ranks = np.minimum(np.arange(counts.max()), counts[:, None] - 1)
        put("_ranked", starts[:, None] + ranks)
        columns = self.vectors[self._ranked].astype(np.float32)
        put("_names", None if self.names is None else NameTable.of(self.names))
        put("_rules", {})
        put("_words", opening_words(self.words.titles, self.words.candidates))
        put("_counts", counts)
        put("_starts", starts)
        put("_columns", np.ascontiguousarray(columns.swapaxes(1, 2)))
        lists = [orjson.Fragment(orjson.dumps(layout.candidates(s))) for s in range(len(titles))]
        put("_lists", lists)
        openings = []
        named = np.repeat(layout.title_ids, counts).tolist()
        for title, artwork, path in zip(named, layout.artwork_ids, layout.paths, strict=True):
            choice = FallbackChoice(title, artwork, path, "", "personalised", lists[0])
            whole = choice.to_json(self.base_url)
            openings.append(whole[: whole.index('"decision_id":"') + len('"decision_id":"')])
        put("_openings", openings)
        fallback = {}
        for title, slot in self.slot_of.items():
            ordinal, level = int(layout.defaults[slot]), "default"
            if self.best is not None and self.best[slot] >= 0:
                ordinal, level = int(self.best[slot]), "unpersonalised"
            artwork, path = layout.artwork_ids[ordinal], layout.paths[ordinal]
            fallback[title] = FallbackChoice(title, artwork, path, None, level, lists[slot])
        put("fallback", fallback)
        put("pieces", {title: c.to_json(self.base_url) for title, c in fallback.items()})
        put("ruled", self.rules and RuledShown(self.rules, layout, fallback))
        put("_every", (self.slot_of, fallback, self.pieces))

    @cached_property
    def page_pictures(self) -> PagePictures:
        """Artworks' pictures, for pages that ask for a canvas."""
        layout = self.layout
        pictures = self.pictures or LayoutPictures.single(layout.paths)
        return PagePictures(layout.artwork_ids, pictures, self.base_url)

    def shown_for(self, asked: AskedArtwork | None) -> RuledShown | None:
        """What a page's titles show and log under rules and what it asks for; None: neither is."""
        return self.ruled or (None if asked is None else self._shown_free)

    @cached_property
    def _shown_free(self) -> RuledShown:
        """For pages that ask for some artwork where there are no rules."""
        return RuledShown(LayoutRules.free(self.layout), self.layout, self._every[1])

    def features(self, facts: Sequence[RequestFacts]) -> ContextFeatures | None:
        """Features of requests' facts, where there is a plan and all are plain."""
        return self.planned.plan.features(facts) if self.planned is not None else None

    # Half of it is one line a column of what is decided.
    def decide(
        self,
        pages: Sequence[PageRequest],
        facts: pa.StructArray | ContextFeatures,
        now_us: int | None = None,
    ) -> list[PageDecisions]:
        """Decide pages together.

        Args:
            pages: requests; `facts` has one row for each.
            facts: as `data.records.FACTS`, or from `features`.
            now_us: when, in microseconds since 1970-01-01: rules have their times; None: now.
        """
        wanted = [[title for title in page.title_ids if title in self.slot_of] for page in pages]
        now_us = clock.now_us() if now_us is None else now_us
        shown, codes = self._under_rules(pages, wanted, now_us)
        if not (longest := max(map(len, wanted))):
            return [NOTHING_DECIDED for _ in pages]
        both = zip(wanted, ([0] * (longest - len(titles)) for titles in wanted), strict=True)
        all_slots = [[*map(self.slot_of.__getitem__, its), *pad] for its, pad in both]
        slots, lengths = np.array(all_slots, np.int64), np.array([*map(len, wanted)])
        joint = joint_for(self.joint, lengths)
        if joint is not self.joint and len(pages) > 1:  # or one page's size would bear on others
            each = zip(pages, one_by_one(facts), strict=True)
            with kept(shown):
                return [self.decide([page], known, now_us)[0] for page, known in each]
        if self.planned is not None and isinstance(facts, ContextFeatures):
            described = self.planned.functionals_by(facts)
        else:
            described = self.members.functionals_of(facts)
        words, draw_rules = self._words[:, slots], self._rules_of(described.functionals.shape[1])
        ruled = None if shown is None else shown.on_pages(pages, now_us, slots, lengths, codes)
        if ruled is not None:
            words[3] = candidates_under_rules(words[3], ruled.words)
        if joint is not None:
            words = joint.words(words, lengths)
        draws = page_draws(pages, words, described.fingerprints, draw_rules)
        decided = self._decided(described, slots, draws.seeds, ruled, joint and (joint, lengths))
        alone = decided.alone if isinstance(decided, RowDecided) else decided.propensity
        choices = self._starts[slots] + decided.choice
        ids = draws.ids(self.words.artworks[choices], decided.propensity)
        ordinals, propensities = choices.tolist(), decided.propensity.tolist()
        seeds, epochs, prints = draws.seeds.tolist(), draws.epochs.tolist(), described.fingerprints
        chances = decided.probabilities.swapaxes(1, 2)
        entropies = -(chances * np.log(np.maximum(chances, 1e-12))).sum(2)
        found = [
            PageDecisions(
                titles,
                all_slots[row][: len(titles)],
                ordinals[row][: len(titles)],
                ids[row * longest : row * longest + len(titles)],
                propensities[row][: len(titles)],
                chances[row, : len(titles)],
                seeds[row][: len(titles)],
                epochs[row][: len(titles)],
                int(prints[row]),
                float(entropies[row, : len(titles)].sum()) / max(len(titles), 1),
                None if ruled is None else ruled.codes[row, : len(titles)].tolist(),
                alone[row, : len(titles)].tolist() if self.paged else (),
            )
            for row, titles in enumerate(wanted)
        ]
        known = (described.functionals, self.policy.head_policy)
        return self.assets.beside(pages, found, *known) if self.assets else found

    def _decided(
        self,
        described: MemberFunctionals,
        slots: Int[np.ndarray, "pages n"],
        seeds: UInt64[np.ndarray, "pages n"],
        ruled: Ruled | None,
        rows: tuple[JointRows, Int[np.ndarray, " pages"]] | None,
    ) -> Decided | RowDecided:
        """Choices of pages, each title by itself or all of a page as a row of such a length."""
        vectors, counts = self._columns[slots].transpose(0, 2, 3, 1), self._counts[slots]
        policy, known = self.policy.head_policy, (described.functionals, vectors, counts)
        matches = self._matches(described, slots)
        if rows is None:
            return decide_pages(*known, seeds, policy, matches, ruled)
        scores, (joint, lengths) = page_scores(*known, matches), rows
        return joint.decide(scores, described.appeals, slots, lengths, seeds, policy, ruled)

    def _matches(
        self, described: MemberFunctionals, slots: Int[np.ndarray, "pages n"]
    ) -> Float[np.ndarray, "pages ranks n"] | None:
        """What names that members watch add to candidates' scores; None: nothing."""
        names = self._names
        if names is None or not len(names.ids) or described.names is None:
            return None
        return names.own(described.names, self._ranked[slots]).swapaxes(1, 2)

    def _under_rules(
        self, pages: Sequence[PageRequest], wanted: list[list[TitleId]], now_us: int
    ) -> tuple[RuledShown | None, list[Int[np.ndarray, " n"]] | None]:
        """What requests and rules do to pages' titles, if they ask; bare titles are taken out."""
        shown = next(filter(None, (self.shown_for(page.asked) for page in pages)), None)
        return shown, shown and shown.of_pages(pages, wanted, now_us)

    def _rules_of(self, heads: int) -> DrawRules:
        """Of the bundle's heads, made once."""
        if heads not in self._rules:
            self._rules[heads] = self.policy.draw_rules(heads, self.epochs)
        return self._rules[heads]

    def decisions_json(self, decisions: PageDecisions) -> list[str]:
        """A page's decisions as JSON, one a title."""
        pieces = spelt_decisions(decisions, self._openings)
        if decisions.ruled is None:
            return pieces
        return (self.ruled or self._shown_free).marked(pieces, decisions.ruled)

    def logged(self, decisions: PageDecisions) -> dict[str, Sequence[object]]:
        """The columns of a page's decisions in the log that differ from title to title."""
        alike = self._ranked.size == len(self.vectors)  # all titles have as many candidates
        counts = None if alike else self._counts[decisions.slots]
        lists = [*map(self._lists.__getitem__, decisions.slots)]
        columns = columns_of(decisions, lists, self.layout.artwork_ids, counts)
        if decisions.ruled is not None:
            (self.ruled or self._shown_free).change(columns, decisions.ruled)
        return columns
