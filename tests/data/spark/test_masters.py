"""A master that cannot be had is refused in a moment, before Java starts."""

import pytest

from data.errors import BadInput
from data.servers.free_port import free_port
from data.spark.session import MASTER, open_spark

pytest.importorskip("pyspark")


@pytest.mark.parametrize("master", ["", " ", "nonsense", "local[0]", "local[]", "spark:/h:1"])
def test_what_has_no_form_of_a_master_is_refused(master):
    with pytest.raises(BadInput, match=r"--master .* is none; give one as"):
        open_spark("marquee tests", master)


def test_a_master_that_does_not_listen_is_refused_also_where_a_variable_names_it(monkeypatch):
    nobody = f"spark://127.0.0.1:{free_port()},127.0.0.1:{free_port()}"
    monkeypatch.setenv(MASTER, nobody)
    for master in (nobody, None):
        with pytest.raises(BadInput, match="no master of Spark listens at spark://"):
            open_spark("marquee tests", master)


def test_yarn_without_a_word_of_where_it_is_is_refused(monkeypatch):
    for name in ("HADOOP_CONF_DIR", "YARN_CONF_DIR"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(BadInput, match="set one"):
        open_spark("marquee tests", "yarn")
