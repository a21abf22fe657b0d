"""What executors need of a driver's machine: its code, packages, and folders that both see."""

import uuid
import zipfile
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from data.errors import BadInput

if TYPE_CHECKING:  # an optional package
    from pyspark.sql import SparkSession

ROOMS = ("bandit", "data", "serve")
"""What executors run."""
PACKAGES = ("duckdb", "numpy", "onnxruntime", "orjson", "pyarrow")
"""That this code needs on every executor, in the driver's version: others compute other bits."""
ANSWER = pa.schema([("host", pa.string()), ("wrong", pa.string())])


def ship_code(session: "SparkSession", root: Path) -> None:
    """Send this product's code to executors, so that they run the driver's and no other.

    Args:
        session: whose executors.
        root: folder of the rooms.
    """
    from pyspark import SparkFiles

    # Executors fetch it whenever they start; the folder goes with the session.
    file = Path(SparkFiles.getRootDirectory()) / "sent" / "marquee_code.zip"
    if file.exists():  # a session that has been given it before
        return
    file.parent.mkdir()
    write_code(file, root)
    session.sparkContext.addPyFile(str(file))


def write_code(file: Path, root: Path) -> None:
    """Write what executors run as an archive that Python imports from, with all that it reads."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as code:
        for room in ROOMS:
            for part in sorted((root / room).rglob("*")):
                if part.is_file() and part.parent.name != "__pycache__":
                    code.write(part, part.relative_to(root))


def refuse_unfit(session: "SparkSession", shared: Path | None) -> None:
    """Ask executors whether they can do the work: a task for each core that Spark has now.

    Args:
        session: whose executors.
        shared: folder that they must read and write; None: none.

    Raises:
        BadInput: one of them lacks a package, or does not see the folder as the driver does.
    """
    packages, question = {name: version(name) for name in PACKAGES}, uuid.uuid4().hex
    asked = shared / f".{question}.asked" if shared is not None else None
    if asked is not None:
        asked.write_text(question)

    # By value: executors may lack whatever it would be imported from.
    def answer(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import importlib
        import socket
        from importlib.metadata import version
        from pathlib import Path

        wrong = ""
        for package, ours in packages.items():
            try:
                importlib.import_module(package)
                if version(package) != ours:
                    wrong = wrong or f"has {package} {version(package)} and the driver {ours}"
            except Exception as error:  # a package may fail in ways of its own
                wrong = wrong or f"lacks the package {package} ({error})"
        for batch in batches:
            if asked is not None and not wrong:
                try:
                    if Path(asked).read_text() != question:
                        wrong = f"sees another folder {Path(asked).parent}"
                    part = batch.column(0)[0].as_py() if batch.num_rows else 0
                    Path(str(asked).replace(".asked", f".{part}.answer")).write_text(question)
                except OSError as error:
                    wrong = f"does not see the driver's folder {Path(asked).parent} ({error})"
            yield pa.RecordBatch.from_pylist([{"host": socket.gethostname(), "wrong": wrong}])

    tasks = max(2, session.sparkContext.defaultParallelism)
    try:
        asking = session.range(0, tasks, 1, tasks)
        rows = asking.mapInArrow(answer, "host string, wrong string").collect()
        answers = list(shared.glob(f".{question}.*.answer")) if shared is not None else []
    finally:
        for file in shared.glob(f".{question}.*") if shared is not None else ():
            file.unlink(missing_ok=True)
    for row in rows:
        if row["wrong"]:
            raise BadInput(_advice(row["host"], row["wrong"]))
    if shared is not None and len(answers) < tasks:
        raise BadInput(_advice("another host", f"writes to a folder {shared} of its own"))


def refuse_unseen(session: "SparkSession", files: Iterable[Path]) -> None:
    """Ask executors whether they see files as the driver does.

    Args:
        session: whose executors.
        files: some of those that they are to read.

    Raises:
        BadInput: one of them sees none of that name, or another.
    """
    sizes = {str(file): file.stat().st_size for file in files}

    def answer(_: int) -> tuple[str, str]:
        import socket
        from pathlib import Path

        for name, size in sizes.items():
            try:
                if Path(name).stat().st_size != size:
                    return socket.gethostname(), f"sees another file {name} in its folder"
            except OSError as error:
                return socket.gethostname(), f"does not see the driver's folder ({error})"
        return "", ""

    context = session.sparkContext
    tasks = max(2, context.defaultParallelism)
    for host, wrong in context.parallelize(range(tasks), tasks).map(answer).collect():
        if wrong:
            raise BadInput(_advice(host, wrong))


def _advice(host: str, wrong: str) -> str:
    """What is wrong with an executor, and what to do."""
    if "folder" in wrong:
        remedy = "put log and examples on storage that all hosts have at the same path"
    else:
        remedy = "install what constraints.txt pins where PYSPARK_PYTHON of the executors points"
    return f"an executor of Spark on {host} {wrong}; {remedy}, or use the engine of this machine"
