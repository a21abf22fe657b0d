"""Callers that are slow, greedy, half open, or gone: pages of others are decided all the same."""

import socket
import time
from collections.abc import Callable

from bench.faults.stage.account import Account, Breakage
from bench.faults.stage.attacks import ATTACKS, head
from bench.faults.stage.scene import FaultScene
from bench.faults.stage.visits import visited
from bench.logs.crash import names_in


def _beside(name: str) -> Callable[[FaultScene, Account], None]:
    """Pages of others while somebody attacks for three seconds."""
    attack = ATTACKS[name]

    def act(scene: FaultScene, account: Account) -> None:
        with visited(scene, account) as visit:
            visit.openers.until("live", more=50)
            done, until = 0, time.monotonic() + 3
            while time.monotonic() < until:
                done += attack.once(visit.service.port, until)
            account.numbers["attacks"] = done
            account.must(visit.openers.until("live", more=30), "pages were not decided on")
            fallbacks = visit.openers.pages - visit.openers.reasons["live"]
            account.must(fallbacks == 0, f"{fallbacks} pages of others were not decided live")

    act.__doc__ = attack.what
    return act


def cut_connections(scene: FaultScene, account: Account) -> None:
    """Whole pages are sent whose connection closes before their stated length is there."""
    with visited(scene, account) as visit:
        body = b'{"profile_id":"cut-off","title_ids":[%d]}' % scene.titles[0]
        for _ in range(100):
            with socket.create_connection(("127.0.0.1", visit.service.port)) as one:
                one.sendall(head("/v1/decide", len(body) + 10) + body)
        visit.openers.until("live", more=30)
    who = names_in(scene.log / "decisions", "profile_id")
    account.must("cut-off" not in who, f"{who['cut-off']} of them were decided and logged")


BREAKAGES = (
    *(
        Breakage(f"caller: {name}", attack.promise, _beside(name))
        for name, attack in ATTACKS.items()
    ),
    Breakage(
        "caller: cut off midway",
        "A page that did not come whole is not decided.",
        cut_connections,
    ),
)
