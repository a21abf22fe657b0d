"""Insights of a log, counted in the background, again when the log or the catalogue has changed."""

from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock, Thread

from data.errors import BadInput, Unavailable, first_line
from data.images.cache import image_cache
from data.schema import read_schema
from data.schema_cast import parquet_files
from evaluate.insights.command import Insights, insights_of
from evaluate.insights.draws import LoggedDraws
from web.view.catalogue_view import CatalogueView

NO_EXAMPLES = "no joined examples are known; start the pages with --examples FOLDER"


@dataclass(frozen=True)
class InsightsSeen:
    """What was counted last."""

    reading: bool
    trouble: str | None
    """Why it could not be counted, in a sentence."""
    insights: Insights | None


class InsightsWatcher:
    """Knows what a log says of artwork over the catalogue.

    Args:
        examples: joined examples; None: nothing is known.
        cache: of decoded images.
    """

    def __init__(self, examples: Path | None, cache: Path) -> None:
        self.examples, self.cache = examples, cache
        self._found = InsightsSeen(False, None, None)
        self._stamp: object = None
        self._reading = False
        self._lock = Lock()

    def now(self, view: CatalogueView) -> InsightsSeen:
        """What is known; it is counted again meanwhile where there is more.

        Raises:
            BadInput: no examples are known.
        """
        if self.examples is None:
            raise BadInput(NO_EXAMPLES)
        with self._lock:
            files = parquet_files(self.examples)
            newest = max((file.stat().st_mtime_ns for file in files), default=0)
            stamp = len(files), newest, id(view.catalogue)
            if not self._reading and stamp != self._stamp:
                self._reading, self._stamp = True, stamp
                Thread(target=self._read, args=(view,), daemon=True, name="insights").start()
            return replace(self._found, reading=self._reading)

    def _read(self, view: CatalogueView) -> None:
        found = self._found
        try:
            found = InsightsSeen(False, None, self._counted(view))
        except (BadInput, Unavailable, OSError) as error:
            found = replace(found, trouble=str(error))
        except Exception as error:  # whatever a file holds, pages say so and look again
            words = (
                f"the examples cannot be read ({first_line(error)}); check them with `data check`"
            )
            found = replace(found, trouble=words)
        with self._lock:
            self._found, self._reading = found, False

    def _counted(self, view: CatalogueView) -> Insights:
        assert self.examples is not None
        there, images = view.catalogue, None
        if view.sees:
            assert view.model.images is not None
            shape = view.model.images.format
            images = image_cache(there, self.cache, shape, quiet=True, leave_out=True)
        draws = LoggedDraws.read(self.examples, there)
        return insights_of(draws, there, images, read_schema(there.root))
