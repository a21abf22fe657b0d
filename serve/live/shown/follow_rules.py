"""Rules from a file, read again when it changes; the last good ones stay where new ones are not."""

from contextlib import suppress
from pathlib import Path

from data.errors import BadInput
from data.rules.desk import RulesDesk
from data.rules.files import read_rules
from data.rules.written import WrittenRules
from data.schema.schema import read_schema
from serve.live import metrics
from serve.live.snapshot import LiveModel
from serve.pictures.file_mark import FileMark
from serve.rules.layout_rules import LayoutRules


class RulesFile:
    """Follows `rules.yaml`, and what the store takes down.

    Args:
        file: that is followed; None: there are no rules.
        catalogue: folder whose schema.yaml declares the facts that rules may ask for.
    """

    def __init__(self, file: Path | None, catalogue: Path) -> None:
        self.file, self._catalogue = file, catalogue
        self.taken: frozenset[str] = frozenset()
        """Artwork that nobody is shown; it holds from the next look on."""
        self._held_taken = self.taken
        self._good: WrittenRules | None = None
        self._rules: LayoutRules | None = None
        self._seen: FileMark | None = None
        self.refused = ""
        """Why the file's rules are not those in use; empty where they are."""
        self._model: LiveModel | None = None
        self.desk: RulesDesk | None = file and RulesDesk(
            file, lambda: read_schema(catalogue), self._check
        )
        """Where they are changed, held against what the service shows; None: there is no file."""

    def begun(self, model: LiveModel) -> LiveModel:
        """A new model under the rules that hold: those of the file, or the last good ones.

        Raises:
            BadInput: there are none, or they contradict each other among what it shows.
        """
        if self.file is not None:
            before, self._seen = self._seen, FileMark.of(self.file)
            good = self._good
            if good is None or self._seen != before or self.refused:
                try:
                    self._rules, good = self._read(model), None
                except BadInput as error:
                    if good is None:
                        raise
                    self._refuse(error)
            if good is not None:
                self._rules = _held(good, model, strict=False)
        return self._put(model)

    def followed(self, model: LiveModel) -> LiveModel:
        """The model under the file's rules, where they, or what is taken down, have changed."""
        changed = self.taken != self._held_taken
        mark = None if self.file is None else FileMark.of(self.file)
        if mark != self._seen:
            self._seen = mark
            try:
                self._rules, changed = self._read(model), True
            except BadInput as error:
                self._refuse(error)
        return self._put(model) if changed else model

    def _check(self, written: WrittenRules) -> None:
        if self._model is None:
            raise BadInput("the service shows nothing yet; look at /readyz, and send it again")
        _held(written, self._model, strict=True)

    def _put(self, model: LiveModel) -> LiveModel:
        self._model = model
        rules, taken = self._rules, self.taken
        if taken:
            rules = (rules or LayoutRules.free(model.layout)).without(taken, model.layout)
        self._held_taken = taken
        return model.with_rules(rules)

    def _read(self, model: LiveModel) -> LayoutRules:
        assert self.file is not None
        written = read_rules(self.file, read_schema(self._catalogue))
        rules = _held(written, model, strict=True)
        self._good, self.refused = written, ""
        metrics.RULES.labels("loaded").inc()
        if self.desk is not None and self.desk.log.file.exists():
            with suppress(BadInput, OSError):  # the next change finds it too, and says so
                self.desk.note(written)
        return rules

    def _refuse(self, error: BadInput) -> None:
        metrics.RULES.labels("refused").inc()
        self.refused = str(error)


def _held(written: WrittenRules, model: LiveModel, strict: bool) -> LayoutRules:
    """Rules held against what a model shows.

    Raises:
        BadInput: they contradict each other, or the model cannot have rules.
    """
    if model.traits is None:
        raise BadInput("what the service shows names no tags; rules cannot be held against it")
    return LayoutRules.of(written, model.traits, model.layout, strict=strict)
