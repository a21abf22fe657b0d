"""Graphs that do not equal torch are refused."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort

from export.graphs.example_inputs import Probe
from export.graphs.graphs import NAMES, GraphParts, write_graph

TOLERANCE = 1e-4
"""Of numbers up to 1; of larger ones their share, as float32 has it."""


class ParityError(RuntimeError):
    """A graph says something else than torch."""


def write_graphs(
    parts: GraphParts, folder: Path, probes: Sequence[Probe]
) -> tuple[list[str], float]:
    """Write a graph for each part of a network and compare it with torch on every probe.

    Args:
        parts: of the network.
        folder: to write to.
        probes: the first gives the shapes; it needs two rows at least.

    Returns:
        Names of the files, and the largest gap that was found.

    Raises:
        ParityError: a gap is larger than `TOLERANCE`, or a number is NaN.
    """
    inputs = [parts.inputs(probe) for probe in probes]
    worst = 0.0
    for name, part in parts.modules.items():
        of_probe = [given[name] for given in inputs if name in given]
        file = write_graph(part, name, of_probe[0], folder)
        worst = max(worst, *_gaps(parts, name, file, of_probe))
    return list(parts.modules), worst


def _gaps(
    parts: GraphParts, name: str, file: Path, inputs: list[tuple[np.ndarray, ...]]
) -> list[float]:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    gaps = []
    for given in inputs:
        outputs = session.run(None, dict(zip(NAMES[name][0], given, strict=True)))
        for output, mine, theirs in zip(NAMES[name][1], outputs, parts(name, given), strict=True):
            apart = np.abs(np.asarray(mine) - theirs) / np.maximum(1.0, np.abs(theirs))
            gap = float(apart.max(initial=0.0))
            if not gap <= TOLERANCE:
                raise ParityError(
                    f"{name}: {output} is {gap:.2g} from torch's over {len(given[0])} rows, "
                    f"more than {TOLERANCE}; the network is not exported"
                )
            gaps.append(gap)
    return gaps
