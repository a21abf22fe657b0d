"""URLs of one page request, whatever became of its member's map."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Shaped

from data.lean.ids import TitleId
from data.lean.picture_choice import MAIN, ChosenPicture
from serve.maps.beside.page_kinds import StoredKinds
from serve.maps.url_table import UrlTable
from serve.pictures.layout_pictures import CanvasView

LEVELS = ("personalised", "unpersonalised", "default", "placeholder")
PLACEHOLDER = "/static/placeholder.svg"


class PageUrls(Mapping[TitleId, str]):
    """URLs of one page request by video id; no further read of the store.

    Iteration gives the titles of the catalogue; a title outside it has the placeholder.
    """

    __slots__ = ("_choices", "_counts", "_kinds", "_placeholder", "_table", "_value", "_whole")

    def __init__(
        self,
        table: UrlTable,
        choices: np.ndarray | None,
        whole: bool,
        counts: list[int],
        placeholder: str,
        kinds: StoredKinds | None = None,
        value: bytes | None = None,
    ) -> None:
        self._kinds, self._value = kinds, value
        self._table = table
        self._choices = choices
        self._whole = whole
        self._counts = counts
        self._placeholder = placeholder

    def __getitem__(self, title_id: TitleId) -> str:
        url, level = self.resolve(title_id)
        self._counts[level] += 1
        if self._table.taken is not None and level < 3:
            self._count_taken(title_id)
        return url

    def _count_taken(self, title_id: TitleId) -> None:
        """Count a title that would have shown what is taken down."""
        table = self._table
        slot = table.slot_of[title_id]
        choice = -1 if self._choices is None else int(self._choices[slot])
        own = 0 <= choice < len(table.urls)
        if table.taken is not None:
            table.taken.count(np.array([choice if own else table.fallback[slot]]))

    def __iter__(self) -> Iterator[TitleId]:
        return iter(self._table.slot_of)

    def __len__(self) -> int:
        return self._table.titles

    def __contains__(self, title_id: object) -> bool:
        return title_id in self._table.slot_of

    def resolve(self, title_id: TitleId) -> tuple[str, int]:
        """URL of a title and the index of its level in `LEVELS`; not counted."""
        table = self._table
        slot = table.slot_of.get(title_id)
        if slot is None:
            return self._placeholder, 3
        if self._choices is not None:
            choice = int(self._choices[slot])
            try:
                if self._whole or choice >= 0:
                    return table.url_of[choice], 0
            except IndexError:
                pass  # no artwork of this layout, as no writer of ours writes it
        return table.url_of[table.fallback[slot]], int(table.fallback_level[slot])

    def canvas(self, canvas: str = MAIN, languages: Sequence[str] = ()) -> "CanvasUrls":
        """The same choices by the pictures of a canvas; no further read of the store.

        An artwork without a picture of that canvas has one of the nearest aspect, counted.

        Args:
            canvas: as `images.parquet` of the catalogue names it.
            languages: of texts in pictures, in order of preference.
        """
        table = self._table.seen_as(canvas, languages)
        own = self._choices, self._whole, self._counts, self._placeholder
        return CanvasUrls(table, *own, self._kinds, self._value)

    def assets(
        self,
        title_ids: Shaped[np.ndarray, "any"] | Sequence[TitleId],
        languages: Sequence[str] = (),
    ) -> dict[str, np.ndarray]:
        """What is shown beside the artwork of many titles, by kind in the order of the surface.

        What was drawn with an artwork stands beside that artwork alone: where a title shows another
        one (no map, taken down, withdrawn) it has what everybody sees of it.

        Args:
            title_ids: as `urls` takes them.
            languages: that the member reads, for what everybody sees; none: any.

        Returns:
            Arrays of `serve.maps.beside.page_kinds.PageAsset`, None where a title shows nothing of
            the kind; empty where precompute decides artwork alone.
        """
        if self._kinds is None:
            return {}
        mine = self._kinds.of_map(self._value)
        anybody = self._kinds.of_layout(self._table.layout.digest)
        if mine is not None and mine[0] is anybody and self._whole and self._table.taken is None:
            slots = self._table.find(title_ids)
            if slots is not None and len(anybody.table.title_ids) == self._table.titles:
                return anybody.every(mine[1].codes, slots)
        found = dict[str, np.ndarray]()
        if anybody is not None:
            slots = anybody.slots(title_ids)
            defaults = anybody.defaults(tuple(languages))
            both = zip(anybody.table.kinds, defaults, strict=True)
            found = {kind: of[slots] for kind, of in both}
        if mine is not None:
            (shown, beside), own = mine, self._own(title_ids)
            slots = shown.slots(title_ids)
            for at, kind in enumerate(shown.table.kinds):
                drawn = shown.drawn(at, beside.codes[at], slots, own)
                if kind in found:
                    stays = own & (slots < len(shown.table.title_ids))
                    drawn = np.where(stays, drawn, found[kind])
                found[kind] = drawn
        return found

    def _own(
        self, title_ids: Shaped[np.ndarray, "any"] | Sequence[TitleId]
    ) -> Bool[np.ndarray, "any"]:
        """Titles that show the artwork which their member's map says."""
        table = self._table
        slots, known = table.layout.slots(title_ids)
        if self._choices is None:
            return np.zeros(known.shape, bool)
        choices = self._choices[slots].astype(np.int64)
        own = known & (choices >= 0) & (choices < len(table.urls))
        if table.taken is not None:
            own &= ~table.taken.down(np.where(own, choices, 0))
        return own

    def urls(self, title_ids: Shaped[np.ndarray, "any"] | Sequence[TitleId]) -> np.ndarray:
        """URLs of many titles: an object array of their shape (int64, or a list of text, is best).

        A text and a whole number are never one title, however they read.
        """
        if self._whole and self._choices is not None:
            if self._table.is_text and isinstance(title_ids, list):
                slots = self._table.find_texts(title_ids)
            else:
                slots = self._table.find(title_ids)
            if slots is not None:
                try:
                    urls = self._table.urls.take(self._choices[slots])
                except IndexError:
                    return self._urls_by_level(title_ids)
                self._counts[0] += slots.size
                if self._table.taken is not None:
                    self._table.taken.count(self._choices[slots])
                return urls
        return self._urls_by_level(title_ids)

    def _urls_by_level(
        self, title_ids: Shaped[np.ndarray, "any"] | Sequence[TitleId]
    ) -> np.ndarray:
        table = self._table
        slots, known = table.layout.slots(title_ids)
        ordinals = table.fallback[slots]
        levels = np.where(known, table.fallback_level[slots], 3)
        if self._choices is not None:
            choices = self._choices[slots].astype(np.int64)
            own = known & (choices >= 0) & (choices < len(table.urls))
            ordinals = np.where(own, choices, ordinals)
            levels = np.where(own, 0, levels)
        urls = table.urls.take(ordinals)
        urls[~known] = self._placeholder
        if table.taken is not None:
            table.taken.count(ordinals[known])
        for level, count in enumerate(np.bincount(levels.ravel(), minlength=4).tolist()):
            self._counts[level] += count
        return urls


class CanvasUrls(PageUrls):
    """URLs of one page request by the pictures of a canvas."""

    __slots__ = ()

    @property
    def _view(self) -> CanvasView:
        assert self._table.view is not None  # `PageUrls.canvas` has made it
        return self._table.view

    def __getitem__(self, title_id: TitleId) -> str:
        url = super().__getitem__(title_id)
        if url in self._view.stand_ins:
            self._table.others[self._view.canvas] += 1
        return url

    def picture(self, title_id: TitleId) -> ChosenPicture | None:
        """What a title's URL is of; None: the placeholder."""
        return self._view.given.get(self.resolve(title_id)[0])

    def urls(self, title_ids: Shaped[np.ndarray, "any"] | Sequence[TitleId]) -> np.ndarray:
        """See `PageUrls.urls`."""
        urls = super().urls(title_ids)
        self._table.count_others(urls)
        return urls
