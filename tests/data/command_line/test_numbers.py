"""A number that a command cannot work with is refused before anything is read or made."""

import pytest

from data.command_line.numbers import refuse_outside
from data.errors import BadInput
from export.publish.pull import pull
from serve.live.command import live
from serve.precompute.command import precompute

REFUSED = [
    (lambda: precompute(block=0), "--block 0: give 1 to"),
    (lambda: precompute(block=-5), "--block -5: give 1 to"),
    (lambda: precompute(workers=-1), "--workers -1: give 0 or more"),
    (lambda: live(workers=0), "--workers 0: give 1 or more"),
    (lambda: live(port=70_000), "--port 70000: give 0 to 65535"),
    (lambda: live(queue=0), "--queue 0: give 1 or more"),
    (lambda: live(deadline_ms=-1), "--deadline-ms -1: give 0 or more"),
    (lambda: refuse_outside("--share", float("nan"), 0), "--share nan: give 0 or more"),
    (lambda: refuse_outside("--share", float("nan"), 0, 1), "--share nan: give 0 to 1"),
    (lambda: pull("s", every=0), "--every 0: give"),
    (lambda: pull("s", every=1e300), r"--every 1e\+300: give"),
]


@pytest.mark.parametrize(("run", "said"), REFUSED, ids=[said for _, said in REFUSED])
def test_it_is_said_what_can_be_given(run, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match=said):
        run()
    assert not list(tmp_path.iterdir())
