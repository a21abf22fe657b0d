"""Spark = DuckDB = truth on four of the benchmark's odd logs.

Costs one Spark on this machine's cores, some 20 s where it is installed and the machine is quiet.
"""

import os
import shutil

import pytest

from bench.spark.spark import QUICK, spark


@pytest.mark.filterwarnings("ignore")  # pyspark's own, at import and at shutdown
def test_both_engines_join_odd_logs_to_the_truth_or_refuse_them_in_the_same_words():
    if shutil.which("java") is None:
        assert os.environ.get("CI") != "true", "java is not installed: CI needs it"
        pytest.skip("java is not installed")
    record = spark(quick=True)
    assert not record["broken"]
    assert record["equal"] == len(QUICK)
    assert record["refused"] == 1
    assert record["examples"] > 100
