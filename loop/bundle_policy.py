"""Policies of the model that train.py trains every night, by the commands that anybody has.

The simulator knows nothing of models: training, publishing and deciding are other processes, which
read the public files and write them.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float

from bandit.simple import uniform
from data.bundle import CURRENT
from data.examples.stream import ExampleStream
from loop.carried.processes import Commands, option_words
from loop.loop_policy import LoopPolicy
from simulate.browsing.day import Requests

BUNDLE_POLICIES = ("thompson", "greedy", "epsilon_greedy", "neural_ucb")


class BundlePolicy(LoopPolicy):
    """The heads of a bundle, which decide as `python -m serve decide --policy NAME` has it.

    Args:
        name: one of BUNDLE_POLICIES.
        catalogue: the catalogue's folder.
        out: the loop's folder.
        epsilon: share of uniform exploration.
        train: further options of train.py.
    """

    def __init__(
        self, name: str, catalogue: Path, out: Path, epsilon: float, train: tuple[str, ...]
    ) -> None:
        super().__init__(name)
        self.catalogue, self.out, self.epsilon = catalogue.resolve(), out.resolve(), epsilon
        self.train = train
        self.commands = Commands(self.out / "commands.log")

    def restore(self, examples: ExampleStream | None, bundle: str | None) -> None:
        """Take up the bundle that was published last."""
        self.bundle = bundle

    def probabilities(self, requests: Requests) -> Float[np.ndarray, "decisions candidates"]:
        """What `python -m serve decide` says; uniform while there is no bundle."""
        if self.bundle is None:
            return uniform(requests.valid)
        names = pq.read_table(self.catalogue / "artworks.parquet")["artwork_id"].combine_chunks()
        flat = names.take(pa.array(requests.candidates[requests.valid]))
        offsets = np.concatenate([[0], requests.valid.sum(1).cumsum()]).astype(np.int32)
        pools = pa.ListArray.from_arrays(pa.array(offsets), flat)
        with TemporaryDirectory(prefix=".decide.", dir=self.out) as folder:
            asked, answered = Path(folder) / "requests.parquet", Path(folder) / "decided.parquet"
            pq.write_table(pa.table({"facts": requests.facts, "candidates": pools}), asked)
            options = {
                "requests": asked,
                "out": answered,
                "bundle": self.out / "bundles" / self.bundle,
                "catalogue": self.catalogue,
                "policy": self.name,
                "epsilon": self.epsilon,
                "cache": self.out / "cache",
            }
            self.commands.run("-m", "serve", "decide", options=options)
            flat = pq.read_table(answered)["probabilities"].combine_chunks().flatten()
        probabilities = np.zeros(requests.valid.shape)
        probabilities[requests.valid] = flat.to_numpy()
        return probabilities

    def renew(self, examples: ExampleStream) -> str | None:
        """Train on from the last bundle and publish; the live bundle's name."""
        bundles = self.out / "bundles"
        options: dict[str, object] = {
            "data.examples": examples.folder.resolve(),
            "data.catalogue": self.catalogue,
            "data.cache": self.out / "cache",
            "data.decay": examples.decay,
            "publish.bundles": bundles,
            "publish.epsilon": self.epsilon,
            # A policy is followed wherever it leads; the gate is for those who serve members.
            "publish.force": "true",
            "out": self.out / "run",
        }
        if examples.window_days is not None:
            options["data.window-days"] = examples.window_days
        if self.bundle is not None:
            options["fit.warm-start"] = bundles / self.bundle
        words = option_words(options)
        self.commands.run("train.py", *words, *self.train, json_out=False)
        current = bundles / CURRENT
        return current.readlink().name if current.is_symlink() else None
