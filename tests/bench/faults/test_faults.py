"""`python -m bench faults`: what the page says is what is run; what is cheap is kept here."""

import re

import pytest

from bench.faults.faults import faults, one_fault, status, tried, why_not
from bench.faults.page import ALSO, PAGE, written
from bench.faults.registry import BREAKAGES, by_kind
from bench.faults.stage.account import Account, Breakage
from bench.faults.stage.scene import lay_out
from bench.measured import ROOT
from bench.small_demo import small_demo
from data.errors import BadInput


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    scratch = tmp_path_factory.mktemp("faults")
    return lay_out(small_demo(scratch), scratch / "scene")


def test_the_page_has_a_row_for_every_fault():
    assert written(PAGE.read_text()) == PAGE.read_text(), "run `python -m bench.faults.page`"
    assert len(by_kind()) == len(BREAKAGES) >= 40
    assert all(breakage.done and breakage.promise for breakage in BREAKAGES)


@pytest.mark.parametrize("name", ALSO)
def test_a_test_that_the_page_names_is_there(name):
    file, _, test = ALSO[name].partition("::")
    assert name in by_kind()
    assert not test or re.search(rf"^def {test}\(", (ROOT / file).read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", [breakage.name for breakage in BREAKAGES if breakage.quick])
def test_the_promise_is_kept(scene, tmp_path, name):
    [breakage] = [breakage for breakage in BREAKAGES if breakage.name == name]
    if why := why_not(breakage):
        pytest.skip(why)
    row = one_fault(breakage, scene, tmp_path / "copy")
    assert row["kept"], row


def test_a_promise_that_is_broken_is_said_and_ends_with_1(scene, tmp_path):
    def lose(copy, account: Account):
        """A map is taken away."""
        (copy.maps / "data.mdb").unlink()
        account.acknowledged, account.lost = 3, 1

    def fall(copy, account: Account):
        """Something raises."""
        raise OSError(str(copy.maps))

    broken = [Breakage("two publishers", "x", lose), Breakage("two joins", "x", fall)]
    record = tried(broken, scene, tmp_path)
    assert record["not_kept"] == ["two publishers", "two joins"]
    assert (record["lost"], record["acknowledged"]) == (1, 3)
    assert status(record) == 1
    assert (scene.maps / "data.mdb").exists()


def test_a_fault_that_is_not_there_is_refused():
    with pytest.raises(BadInput, match="--only floods: choose among"):
        faults(only="floods")
