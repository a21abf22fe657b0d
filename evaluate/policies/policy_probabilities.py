"""What a policy would have done in each logged decision: bundles and baselines by name."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePath

import numpy as np
import pyarrow as pa
from jaxtyping import Float

from data.catalogue import Catalogue
from data.errors import BadInput
from evaluate.policies.baselines import best_on_log, one_hot, table_takes
from evaluate.policies.bundle_scores import BundleScores, open_bundle_scores
from evaluate.policies.logged_examples import LoggedExamples

TABLE = "bundle-table"
"""Each title's best in a bundle's table of takes, learnt on its training days over all members."""
FORMS = ("served", "thompson", "greedy", "epsilon_greedy", TABLE)
"""What may follow a bundle, after a colon: the policy that it is served by, another over its heads,
or the best of its table for everybody."""
BEST_ON_LOG = "best-on-log"
"""Each title's best on the judged log itself, learnt from profiles of other folds."""

Matrix = Float[np.ndarray, "decisions candidates"]


class PolicyProbabilities:
    """Policies by name on one log; a bundle is opened once, whatever its forms.

    Args:
        logged: the decisions.
        cache: folder for decoded images.
        opened: bundles on the log's catalogue, by name.
    """

    def __init__(
        self,
        logged: LoggedExamples,
        cache: Path | str,
        opened: Mapping[str, BundleScores] | None = None,
    ) -> None:
        self.logged, self.cache = logged, cache
        self._opened = dict(opened or {})

    @classmethod
    def of(
        cls, examples: pa.Table, catalogue: Catalogue, names: Iterable[str], cache: Path | str
    ) -> "PolicyProbabilities":
        """Policies on the rows of a log that all of them can be judged by.

        Raises:
            NoSupport: there are none.
            BadInput: as `LoggedExamples.of` and `open_bundle_scores`.
        """
        bundles = {split_name(n)[0]: None for n in names if n not in ("random", BEST_ON_LOG)}
        opened = {name: open_bundle_scores(name, catalogue, cache) for name in bundles}
        left_out = dict(pair for one in opened.values() for pair in one.left_out.items())
        return cls(LoggedExamples.of(examples, catalogue, left_out), cache, opened)

    def __call__(self, name: str) -> Float[np.ndarray, " flat"]:
        """A policy's probabilities for the candidates of every decision, flat.

        Args:
            name: random, best-on-log, or a bundle, alone or with one of `FORMS` after a colon.

        Raises:
            BadInput: no such bundle, or it does not fit the catalogue.
        """
        if name == "random":
            return self.logged.feedback.target
        if name == BEST_ON_LOG:
            return self._flat(one_hot(best_on_log(self.logged), self.logged.valid))
        bundle, form = split_name(name)
        scored = self.opened(bundle)
        if form == TABLE:
            takes = table_takes(bundle, self.logged)
            best = np.where(self.logged.valid, takes[self.logged.rows], -np.inf).argmax(-1)
            return self._flat(one_hot(best, self.logged.valid))
        return self._flat(self._scored(scored, form))

    def opened(self, bundle: str) -> BundleScores:
        """A bundle on the log's catalogue."""
        if bundle not in self._opened:
            self._opened[bundle] = open_bundle_scores(bundle, self.logged.catalogue, self.cache)
        return self._opened[bundle]

    def labels(self, names: Sequence[str]) -> dict[str, str]:
        """Names of policies as tables have them, see `labels`."""
        kinds = {one.policy().kind for one in self._opened.values()}
        return labels(names, min(kinds) if len(kinds) == 1 else "served")

    def takes(self, bundle: str) -> Float[np.ndarray, " decisions"]:
        """The take that a bundle predicts for what was shown."""
        scored, logged = self.opened(bundle), self.logged
        shown = logged.chosen[:, None]
        step = scored.block(logged.rows.shape[1])
        parts = []
        for at in range(0, len(logged), step):
            members = scored.members(logged.facts.slice(at, step))
            parts.append(scored.takes(members, shown[at : at + step])[:, 0])
        return np.concatenate(parts)

    def _scored(self, scored: BundleScores, form: str) -> Matrix:
        logged = self.logged
        policy = scored.policy(form)
        step = scored.block(logged.rows.shape[1])
        parts = []
        for at in range(0, len(logged), step):
            block = slice(at, at + step)
            members = scored.members(logged.facts.slice(at, step))
            rows, valid = logged.rows[block], logged.valid[block]
            parts.append(scored.probabilities(members, rows, valid, policy))
        return np.concatenate(parts)

    def _flat(self, probabilities: Matrix) -> Float[np.ndarray, " flat"]:
        return np.asarray(probabilities, np.float64)[self.logged.valid]


def labels(names: Iterable[str], served: str = "served") -> dict[str, str]:
    """Names of policies as every table has them: those of a bundle by what they do.

    A bundle's name stands before it where the names speak of several.

    Args:
        names: as `PolicyProbabilities` takes them.
        served: the kind of the policy that bundles are served by.
    """
    parts = {name: split_name(name) for name in names if name not in ("random", BEST_ON_LOG)}
    several = len({bundle for bundle, _ in parts.values()}) > 1
    kinds = {name: served if form == "served" else form for name, (_, form) in parts.items()}
    bundles = {name: PurePath(bundle).name for name, (bundle, _) in parts.items()}
    mine = {name: f"{bundles[name]}:{kinds[name]}" if several else kinds[name] for name in parts}
    return {name: mine.get(name, name) for name in names}


def split_name(name: str) -> tuple[str, str]:
    """Bundle and form of a policy's name.

    Raises:
        BadInput: it is the name that three policies once had.
    """
    head, colon, form = name.rpartition(":")
    if form == "unpersonalised" and not Path(name).exists():
        raise BadInput(
            f"no policy {name!r}: that was several; say {BEST_ON_LOG} (the best on the judged log) "
            f"or BUNDLE:{TABLE} (the best of a bundle's table, learnt on its training days)"
        )
    return (head, form) if colon and form in FORMS else (name, "served")
