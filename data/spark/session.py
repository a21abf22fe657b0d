"""The Spark session of a command: what it was submitted to, a master's by URL, or this machine's.

pyspark is imported where it is needed: it is an optional package, and slow to import.
"""

import os
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from data.errors import BadInput
from data.spark.executors import refuse_unfit, ship_code

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MASTER = "MARQUEE_SPARK_MASTER"
"""Environment variable: the master where no option says one."""
HERE = "local[*,4]"
"""This machine's cores, where nothing says otherwise; a task whose process dies is tried again."""
FORM = re.compile(
    r"local(\[\s*(\*|[1-9]\d*)\s*(,\s*[1-9]\d*\s*)?\])?"
    r"|local-cluster\[\s*\d+\s*,\s*\d+\s*,\s*\d+\s*\]|(spark|k8s)://\S+|yarn"
)
"""Of a master."""
PATIENCE = 5.0
"""Seconds that a master may take to answer."""
ROOT = Path(__file__).resolve().parents[2]
MEANING = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.caseSensitive": "false",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.int96RebaseModeInRead": "CORRECTED",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "32768",
}
"""What rows depend on: of every session, whoever started it."""
TRACE = re.compile(r"Traceback \(most recent call last\):\n(?:.*\n)*?(\w[\w.]*: .*)\n")
"""Of Python in an executor, as Spark hands it on; its last line says what was raised."""
QUIET = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
}
"""Of a session that is started here; spark-submit has options of its own for these."""


class OpenSpark(NamedTuple):
    """A session, and whether it is ours to stop."""

    session: "SparkSession"
    ours: bool

    def close(self) -> None:
        """Stop it, unless it was there before."""
        if self.ours:
            self.session.stop()


def open_spark(
    app: str,
    master: str | None = None,
    memory: str | None = None,
    scratch: Path | None = None,
    shared: Path | None = None,
) -> OpenSpark:
    """The running session; else, under spark-submit, that of its master; else a new one.

    Executors of another machine or folder are given the code of this product, and are asked whether
    they can run it: before any work begins.

    Args:
        app: its name.
        master: URL; `MARQUEE_SPARK_MASTER` or this machine's cores if None.
        memory: of the driver, where it is started here, as 2GB.
        scratch: folder for what it spills.
        shared: folder that executors must be able to read and write at the same path.

    Raises:
        BadInput: no pyspark, no Java, no such master; or executors that cannot do the work.
    """
    refuse_no_master(master)
    try:  # an optional package
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise BadInput(
            "Spark needs pyspark and Java 17; install the extra 'spark', or use the engine of this"
            " machine"
        ) from error
    running, settings = SparkSession.getActiveSession() is not None, {}
    builder = SparkSession.builder
    if submitted() and master is not None:
        raise BadInput("--master: spark-submit has chosen the master; give it there alone")
    if not running and not submitted():
        settings = _settings(master, memory, scratch) | {"spark.app.name": app}
        _refuse_unreachable(settings["spark.master"])
        for name, value in settings.items():
            builder = builder.config(name, value)  # pyright: ignore[reportAttributeAccessIssue]
    with _started(settings.get("spark.master", "(submitted)")):
        # Views and settings of whoever runs it already stay as they are.
        opened = OpenSpark(builder.getOrCreate().newSession(), not running)
        for name, value in MEANING.items():
            opened.session.conf.set(name, value)
    try:
        with refused("start"):
            if running or submitted() or not is_here(opened.session):
                ship_code(opened.session, ROOT)
            if not is_here(opened.session):
                refuse_unfit(opened.session, shared)
    except BaseException:
        opened.close()
        raise
    return opened


def refuse_no_master(master: str | None) -> None:
    """Refuse what Spark would say is none after seconds, in a trace of Java's.

    Raises:
        BadInput: it has no form of a master.
    """
    if master is not None and not FORM.fullmatch(master):
        raise BadInput(f"--master {master!r} is none; give one as spark://host:7077 or local[2]")


def _refuse_unreachable(master: str) -> None:
    """Ask for a moment, where Spark would ask for a minute, whether a master is there.

    Raises:
        BadInput: nothing listens there, or nobody says where it is.
    """
    refuse_no_master(master)
    if master == "yarn" and not {"HADOOP_CONF_DIR", "YARN_CONF_DIR"} & os.environ.keys():
        raise BadInput("the master yarn is found by HADOOP_CONF_DIR or YARN_CONF_DIR; set one")
    places = re.findall(r"([^,/]+):(\d+)", master.removeprefix("spark://"))
    if master.startswith("spark://") and not any(
        _listens(host.strip("[]"), int(port)) for host, port in places
    ):
        raise BadInput(
            f"no master of Spark listens at {master}; start it, or give another --master"
        )


def _listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), PATIENCE).close()
    except (OSError, OverflowError):
        return False
    return True


@contextmanager
def _started(master: str) -> Iterator[None]:
    """Why no session could be had, in words.

    Raises:
        BadInput: Spark, or its gateway, raised something.
    """
    from pyspark.errors import PySparkException

    try:
        yield
    # A master that cannot be had is an error of the gateway's own, of many classes.
    except (PySparkException, OSError, RuntimeError, ValueError) as error:
        raise BadInput(
            f"Spark did not start ({_first_line(error)}); it needs Java 17 on PATH, and a --master "
            "that can be reached"
        ) from error
    except Exception as error:
        if type(error).__module__.split(".")[0] != "py4j":
            raise
        raise BadInput(
            f"Spark did not start with the master {master!r} ({_first_line(error)}); give a "
            "--master that can be reached"
        ) from None


def is_here(session: "SparkSession") -> bool:
    """Whether executors are threads of the driver."""
    return _in_this_process(str(session.sparkContext.master))


def _in_this_process(master: str) -> bool:
    return master == "local" or master.startswith("local[")


def submitted() -> bool:
    """Whether this process was started by spark-submit, which has chosen the master."""
    return "PYSPARK_GATEWAY_PORT" in os.environ


def _settings(master: str | None, memory: str | None, scratch: Path | None) -> dict[str, str]:
    """What a session that is started here is made with."""
    os.environ.setdefault("PYSPARK_DRIVER_PYTHON", sys.executable)
    chosen = master or os.environ.get(MASTER) or HERE
    made = QUIET | {"spark.master": chosen}
    if chosen.startswith("local"):  # local-cluster is of this machine too
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        made |= {"spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}
        made |= {"spark.sql.shuffle.partitions": "4"}
        if scratch is not None:
            made |= {"spark.local.dir": str(scratch)}
    if _in_this_process(chosen):
        made |= {"spark.executorEnv.PYTHONPATH": str(ROOT)}
    if of_workers := re.fullmatch(r"local-cluster\[\s*\d+\s*,\s*\d+\s*,\s*(\d+)\s*\]", chosen):
        made |= {"spark.executor.memory": f"{of_workers[1]}m"}  # else 1 GB, more than they have
    if memory is not None:
        made |= {"spark.driver.memory": memory.replace("GB", "g").replace("MB", "m")}
    return made


@contextmanager
def refused(what: str) -> Iterator[None]:
    """Spark's own errors as words for a user; also as a decorator.

    Args:
        what: Spark cannot do, as "join the log".

    Raises:
        BadInput: Spark raised something.
    """
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError) as error:
        if told := re.search(r"data\.errors\.BadInput: (.+)", str(error)):  # in an executor
            raise BadInput(told[1]) from None
        raise BadInput(
            f"Spark cannot {what} ({_first_line(error)}); see its own log, and what "
            "`python -m data check` says of the data"
        ) from None


def _first_line(error: Exception) -> str:
    words = str(getattr(error, "java_exception", error))  # what went wrong in the JVM
    if raised := re.search(TRACE, str(error)):  # or in Python, in an executor
        words = raised[1]
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    return next(iter(lines), type(error).__name__)[:300]
