"""Executors in folders of their own: what they lack is said before work begins.

Costs one Spark of two processes, some 15 s where it is installed and the machine is quiet.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.spark.spark_home import spark_home
from data.errors import BadInput
from data.join.join import join
from data.join.open_engine import EngineSettings
from data.spark import executors
from data.spark.session import open_spark, refused
from tests.data.join.test_join import MUCH_LATER, decision, examples, log, shown

ROOT = Path(__file__).parents[3]
OWN = Path("/proc/self/cwd")
"""Another folder to each process."""

pytestmark = pytest.mark.filterwarnings("ignore")  # pyspark's own, at import and at shutdown


@pytest.fixture(scope="module")
def spark(tmp_path_factory):
    if shutil.which("java") is None:
        assert os.environ.get("CI") != "true", "java is not installed: CI needs it"
        pytest.skip("java is not installed")
    folder = tmp_path_factory.mktemp("spark")
    with pytest.MonkeyPatch.context() as patch, spark_home():
        patch.chdir(folder)
        patch.delenv("PYTHONPATH", raising=False)  # executors inherit it
        opened = open_spark("marquee tests", "local-cluster[1,1,900]", shared=folder)
        yield opened.session
        opened.close()


def test_executors_run_the_code_that_was_sent_to_them(spark):
    def where(_):
        import data.days

        return data.days.__file__

    [place] = set(spark.sparkContext.parallelize(range(2), 2).map(where).collect())
    assert "marquee_code.zip" in place


def test_all_that_is_sent_to_executors_imports_out_of_its_archive(tmp_path):
    archive = tmp_path / "code.zip"
    executors.write_code(archive, ROOT)
    names = [
        ".".join(file.relative_to(ROOT).with_suffix("").parts)
        for room in executors.ROOMS
        for file in sorted((ROOT / room).rglob("*.py"))
        if not file.name.startswith("__")
    ]
    code = "import importlib, sys; sys.path.insert(0, sys.argv[1])\n"
    code += "for name in sys.argv[2:]: assert sys.argv[1] in importlib.import_module(name).__file__"
    command = [sys.executable, "-I", "-c", code, str(archive), *names]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert not ended.returncode, ended.stderr[-2000:]


def test_a_log_named_from_where_the_driver_stands_is_joined_by_executors(spark):
    # In the folder where the driver stands, and the executors do not.
    log(Path("log"), [decision()], [shown(), shown(name="another")])
    report = join("log", None, "out", now=MUCH_LATER, engine=EngineSettings("spark"))
    assert (report.examples, len(examples(Path("out")))) == (1, 1)


def test_what_python_raises_in_an_executor_is_said_and_not_where_to_look(spark):
    def fails(_):
        raise RuntimeError("the disk is no disk")

    words = r"^Spark cannot decide \(RuntimeError: the disk is no disk\); see"
    with pytest.raises(BadInput, match=words), refused("decide"):
        spark.sparkContext.parallelize([1], 1).map(fails).collect()


def test_a_folder_that_executors_do_not_share_is_refused(spark):
    with pytest.raises(BadInput, match=r"does not see the driver's folder /proc/self/cwd.*storage"):
        executors.refuse_unfit(spark, OWN)
    assert not list(OWN.glob(".*.asked"))


def test_a_log_that_executors_do_not_share_is_refused(spark, tmp_path):
    (OWN / "part.parquet").write_text("x")
    executors.refuse_unseen(spark, [OWN.resolve() / "part.parquet"])
    with pytest.raises(BadInput, match=r"does not see the driver's folder .*part.parquet"):
        executors.refuse_unseen(spark, [OWN / "part.parquet"])


def test_a_package_that_executors_lack_or_have_otherwise_is_named(spark, monkeypatch):
    theirs = executors.version
    monkeypatch.setattr(executors, "version", lambda name: f"{theirs(name)}.post1")
    with pytest.raises(BadInput, match=r"has duckdb .* and the driver .*post1; install what"):
        executors.refuse_unfit(spark, None)
    monkeypatch.setattr(executors, "PACKAGES", ("no_such_package",))
    monkeypatch.setattr(executors, "version", lambda name: "1")
    with pytest.raises(BadInput, match="lacks the package no_such_package"):
        executors.refuse_unfit(spark, None)


def test_what_an_executor_refuses_is_said_in_its_words(spark):
    def fails(_):
        raise BadInput("row 7 of x.parquet is null; mend it")

    with pytest.raises(BadInput, match=r"^row 7 of x.parquet is null; mend it$"), refused("decide"):
        spark.sparkContext.parallelize([1], 1).map(fails).collect()


def test_a_running_session_is_used_and_left_as_it_was(spark):
    before = spark.conf.get("spark.sql.session.timeZone")
    spark.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
    again = open_spark("marquee tests", "local[7]")
    assert again.session.sparkContext is spark.sparkContext
    assert again.session.conf.get("spark.sql.session.timeZone") == "UTC"
    assert spark.conf.get("spark.sql.session.timeZone") == "Asia/Tokyo"
    spark.conf.set("spark.sql.session.timeZone", before)
    again.close()
    assert spark.range(3).count() == 3


def test_a_master_beside_that_of_spark_submit_is_refused(monkeypatch):
    pytest.importorskip("pyspark")
    monkeypatch.setenv("PYSPARK_GATEWAY_PORT", "1")
    with pytest.raises(BadInput, match="spark-submit has chosen the master"):
        open_spark("marquee tests", "local[2]")
