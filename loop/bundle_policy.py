"""Policies of the model that train.py trains every night, by the commands that anybody has.

The simulator knows nothing of models: training, publishing and deciding are other processes, which
read the public files and write them.
"""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float

from bandit.simple import uniform
from data.bundle import CURRENT
from data.examples.stream import ExampleStream
from loop.policies import Examined
from simulate.browsing.day import Requests

BUNDLE_POLICIES = ("thompson", "greedy", "epsilon_greedy")
ROOT = Path(__file__).parents[1]


class BundlePolicy(Examined):
    """The heads of a bundle: Thompson sampling over them, or the best of their mean."""

    def __init__(
        self, name: str, catalogue: Path, out: Path, epsilon: float, reward: str,
        train: tuple[str, ...],
    ) -> None:  # fmt: skip
        super().__init__(name)
        self.catalogue, self.out, self.epsilon = catalogue.resolve(), out.resolve(), epsilon
        self.reward, self.train = reward, train

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
            self._run(
                "-m", "serve", "decide", "--requests", asked, "--out", answered,
                "--bundle", self.out / "bundles" / self.bundle, "--catalogue", self.catalogue,
                "--policy", self.name, "--epsilon", self.epsilon, "--cache", self.out / "cache",
            )  # fmt: skip
            chances = pq.read_table(answered)["probabilities"].combine_chunks()
        found = np.zeros(requests.valid.shape)
        found[requests.valid] = chances.flatten().to_numpy()
        return found

    def renew(self, examples: ExampleStream) -> str | None:
        """Train on from the last bundle and publish; the live bundle's name."""
        bundles = self.out / "bundles"
        options = [
            "--data.examples", examples.folder.resolve(), "--data.catalogue", self.catalogue,
            "--data.cache", self.out / "cache", "--data.decay", examples.decay,
            "--publish.bundles", bundles, "--publish.epsilon", self.epsilon,
            # A policy is followed wherever it leads; the gate is for those who serve members.
            "--publish.force", "true", "--out", self.out / "run",
        ]  # fmt: skip
        if examples.window_days is not None:
            options += ["--data.window-days", examples.window_days]
        if self.bundle is not None:
            options += ["--fit.warm-start", bundles / self.bundle]
        self._run("train.py", *options, *self.train)
        current = bundles / CURRENT
        return current.readlink().name if current.is_symlink() else None

    def _run(self, *arguments: object) -> None:
        """Carry out one command.

        Raises:
            RuntimeError: it failed; the message holds the end of its own.
        """
        command = [sys.executable, *map(str, arguments)]
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if ran.returncode:
            words = " ".join(map(str, arguments[:3]))
            raise RuntimeError(f"{words} … ended with {ran.returncode}: {ran.stderr[-2000:]}")
