"""What a folder of reference values holds, as its files say."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from data.errors import BadInput

Arrays = Mapping[str, np.ndarray]
EXPECTED, PROBLEM = "expected.json", "problem.npz"


def arrays_of(file: Path) -> Arrays:
    """The arrays of an .npz file.

    Raises:
        BadInput: it is not one.
    """
    try:
        with np.load(file, allow_pickle=False) as held:
            return {name: held[name] for name in held.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise BadInput(
            f"{file} is no whole .npz of arrays ({error!s:.100}); copy it again"
        ) from None


def asked_of(folder: Path) -> Mapping[str, object]:
    """The keys that `expected.json` asks for, such as a λ or days; empty where there is none.

    Raises:
        BadInput: it is not JSON.
    """
    file = folder / EXPECTED
    if not file.is_file():
        return {}
    try:
        held = json.loads(file.read_text())
    except ValueError as error:
        raise BadInput(f"{file} is not JSON ({error!s:.100}); copy it again") from None
    if not isinstance(held, dict):
        raise BadInput(f"{file} holds no JSON object; copy it again")
    return held


def needed(arrays: Arrays, name: str, source: Path) -> np.ndarray:
    """An array by name.

    Raises:
        BadInput: it is not there.
    """
    if name not in arrays:
        raise BadInput(f"{source}: array {name} is missing; it holds {', '.join(arrays)}")
    return arrays[name]
