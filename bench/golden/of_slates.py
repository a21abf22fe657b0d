"""Folders `slate`: values of rows, for each problem that is a file of rows."""

from pathlib import Path

from data.reading.conformed_files import file_schema
from data.schema_cast import parquet_files
from evaluate.slate.estimators import ESTIMATORS
from evaluate.slate.read_slates import read_slates

NAMES = ("sips", "iips", "rips", "snsips", "sniips", "snrips", "cascade_dr", "pi", "pi2")


def slate_files(folder: Path) -> list[Path]:
    """The files of rows of a folder; not those in folders below."""
    files = [file for file in parquet_files(folder) if file.parent == folder]
    return [file for file in files if "slate_id" in file_schema(file).names]


def slate_values(files: list[Path]) -> dict[str, object]:
    """Problem → estimator → value; left out where a file has no weights or predictions for it."""
    values: dict[str, object] = {}
    for file in files:
        slates, _ = read_slates(file)
        given = {"q_hat_0", "target_given_prefix_0"} <= set(file_schema(file).names)
        values[file.stem] = {
            name: ESTIMATORS[name].estimate(slates)
            for name in NAMES
            if ESTIMATORS[name].usable(slates) and (given or name != "cascade_dr")
        }
    return values
