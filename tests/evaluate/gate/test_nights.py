"""What becomes of a night's bundle at the end of training, by what its log can tell."""

import pytest

from data.bundle import Bundle
from export.publish.anchor import anchor
from model.training.settings import Publish, Settings
from train import Inputs, release


@pytest.fixture
def night(story, tmp_path, capsys):
    """Ends a night: a bundle, its rows, options → the live bundle's id and what was said."""

    def end(bundle, rows, **options):
        settings = Settings(publish=Publish(bundles=str(tmp_path / "store"), **options))
        later = story.examples.slice(0, rows)
        release(bundle, Inputs(None, story.catalogue, None, None, {}), later, settings)
        return Bundle.open(tmp_path / "store").bundle_id, capsys.readouterr().err

    return end


FEW, ALL = 400, None


def test_only_what_the_log_shows_to_be_no_worse_moves_current(night, good, planted):
    shy, bad = planted([[1.0]] * 4, epsilon=0.2), planted([[-1.0]] * 4)
    first, shyly, badly = (Bundle.open(one).bundle_id for one in (good, shy, bad))
    live, words = night(good, FEW)
    assert live == first
    assert words.startswith("published: nothing is live")
    live, words = night(shy, FEW)
    assert live == first
    assert words.startswith("not published: not enough log")
    live, words = night(shy, FEW, undecided="publish")
    assert live == shyly
    assert words.startswith("published: not enough log")
    live, words = night(bad, ALL, undecided="publish")
    assert live == shyly
    assert words.startswith("not published: it earns less than")
    assert night(bad, ALL, force=True)[0] == badly


def test_the_anchor_keeps_out_what_could_follow_the_live_bundle(night, good, planted, tmp_path):
    bad, again = planted([[-1.0]] * 4), planted([[-2.0]] * 4)
    night(good, ALL)
    anchor(tmp_path / "store")
    fallen, _ = night(bad, ALL, force=True)
    live, words = night(again, ALL)
    assert live == fallen
    assert words.startswith("not published: ")
    assert "the anchor" in words.split(";")[0]
    anchor(tmp_path / "store")  # now the one that fell, which the next does as well as
    assert night(again, ALL)[0] == Bundle.open(again).bundle_id
