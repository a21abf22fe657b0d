"""Rules from a file, read again when it changes; the last good ones stay where new ones are not."""

from pathlib import Path

from data.errors import BadInput
from data.rules.written import WrittenRules, read_rules
from data.schema.schema import read_schema
from serve.live import metrics
from serve.live.snapshot import LiveModel
from serve.pictures.file_mark import FileMark
from serve.rules.layout_rules import LayoutRules


class RulesFile:
    """Follows `rules.yaml`.

    Args:
        file: that is followed.
        catalogue: folder whose schema.yaml declares the facts that rules may ask for.
    """

    def __init__(self, file: Path, catalogue: Path) -> None:
        self.file, self._catalogue = file, catalogue
        self._good: WrittenRules | None = None
        self._seen: FileMark | None = None
        self.refused = ""
        """Why the file's rules are not those in use; empty where they are."""

    def begun(self, model: LiveModel) -> LiveModel:
        """A new model under the rules that hold: those of the file, or the last good ones.

        Raises:
            BadInput: there are none, or they contradict each other among what it shows.
        """
        before, self._seen = self._seen, FileMark.of(self.file)
        if self._good is None or self._seen != before:
            try:
                return self._taken(model)
            except BadInput as error:
                if self._good is None:
                    raise
                self._refuse(error)
        return model.with_rules(_held(self._good, model, strict=False))

    def followed(self, model: LiveModel) -> LiveModel:
        """The model under the file's rules, where they have changed and are good."""
        mark = FileMark.of(self.file)
        if mark == self._seen:
            return model
        self._seen = mark
        try:
            return self._taken(model)
        except BadInput as error:
            self._refuse(error)
            return model

    def _taken(self, model: LiveModel) -> LiveModel:
        written = read_rules(self.file, read_schema(self._catalogue))
        ruled = model.with_rules(_held(written, model, strict=True))
        self._good, self.refused = written, ""
        metrics.RULES.labels("loaded").inc()
        return ruled

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
