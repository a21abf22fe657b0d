"""Every command says the same of the same policy on the same rows."""

import numpy as np
import pytest

from evaluate.gate.command import gate
from evaluate.gate.held_out_table import show_held_out_values
from evaluate.policies.command import bundle as table_of
from evaluate.report.report import report
from tests.test_train import policy_table
from train import SERVED, say

TABLES = {"random": "random", "bundle-table": "{}:bundle-table", "greedy": "{}:greedy"}
"""Policy of reports and of training → its name on a bundle."""


@pytest.fixture(scope="module")
def bundle(planted):
    return planted([[1.0, 0, -1.0]] * 3 + [[-1.0, 0, 1.0]], epsilon=0.2, pixels=True)


@pytest.fixture(scope="module")
def table(story, bundle):
    """Policy → estimator → estimate, as `evaluate bundle` has it."""
    names = {name: form.format(bundle) for name, form in TABLES.items()} | {"thompson": bundle}
    log, catalogue = str(story.root / "examples"), str(story.root / "catalogue")
    found = table_of(log, ",".join(names.values()), catalogue, segments=False)
    return {name: found.policies[form] for name, form in names.items()}, found.lift_over_random


def test_the_report_and_the_table_agree(story, bundle, table, tmp_path):
    estimates, lifts = table
    said = report(
        str(tmp_path / "report.html"),
        str(story.root / "examples"),
        bundle,
        str(story.root / "catalogue"),
        truth=str(story.log),
    )
    for policy, of in estimates.items():
        for name, estimate in of.items():
            shown = said["estimates"][policy][name]
            assert shown["verdict"] == estimate.verdict
            for field in ("value", "low", "high"):
                np.testing.assert_equal(shown[field], getattr(estimate, field))
    (tmp_path / "examples").symlink_to(story.root / "examples")  # where no truth lies beside
    without = report(
        str(tmp_path / "again.html"),
        str(tmp_path / "examples"),
        bundle,
        str(story.root / "catalogue"),
    )
    assert not without["exact"]
    assert without["read"] == "dr"
    for policy, of in estimates.items():
        assert without["take_fractions"][policy] == of["dr"].value
        assert without["intervals"][policy] == [of["dr"].low, of["dr"].high]
    for policy, form in (("greedy", f"{bundle}:greedy"), ("thompson", bundle)):
        assert without["lift_over_random"][policy] == lifts[form].relative._asdict()


def test_the_gate_and_the_table_agree(story, bundle, table):
    estimates, lifts = table
    said = gate(
        bundle, str(story.root / "examples"), "none", catalogue=str(story.root / "catalogue")
    )
    compared = {"thompson": said["candidate"], **said["comparisons"]}
    for policy in ("thompson", "random", "bundle-table"):
        for field in ("value", "low", "high", "ess"):
            assert compared[policy][field] == getattr(estimates[policy]["dr"], field)
    assert compared["random"]["difference"] == lifts[bundle].difference._asdict()


def test_training_and_the_table_agree(story, bundle, table, capsys, tmp_path):
    cache = str(tmp_path / "cache")
    show_held_out_values(bundle, story.examples, story.catalogue, {}, cache, SERVED, say)
    printed = policy_table(capsys.readouterr().err)
    assert printed.keys() == table[0].keys()
    for policy, of in table[0].items():
        assert "dr" in printed[policy]
        for name, (value, low, high) in printed[policy].items():
            wanted = (of[name].value, of[name].low, of[name].high)
            assert (value, low, high) == tuple(pytest.approx(x, abs=6e-5) for x in wanted)
