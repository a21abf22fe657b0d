"""What came of a fault: tried, counted, and printed in a table."""

import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import TypedDict

from rich.console import Console
from rich.table import Table

from bench.faults.stage.account import Account


class FaultOutcome(TypedDict):
    """What came of a fault."""

    name: str
    promise: str
    kept: bool
    pages: int
    without_image: int
    acknowledged: int
    lost: int
    broken: list[str]
    numbers: dict[str, object]
    seconds: float


def outcome_of(name: str, promise: str, act: Callable[[Account], object]) -> FaultOutcome:
    """What comes of a fault that is brought about now; said on stderr."""
    account, start = Account(), time.monotonic()
    try:
        act(account)
    except Exception as error:  # a promise that cannot be looked at is not kept
        traceback.print_exc()
        account.broken.append(f"{type(error).__name__}: {error}"[:500])
    seconds = round(time.monotonic() - start, 1)
    words = "" if account.kept else f": NOT KEPT {account.broken}"
    print(f"{name}: {seconds} s{words}", file=sys.stderr, flush=True)
    return {
        "name": name,
        "promise": promise,
        "kept": account.kept,
        "pages": account.pages,
        "without_image": account.without_image,
        "acknowledged": account.acknowledged,
        "lost": account.lost,
        "broken": account.broken,
        "numbers": account.numbers,
        "seconds": seconds,
    }


def show_outcomes(outcomes: Sequence[FaultOutcome], left_out: Mapping[str, str]) -> None:
    """Print a row for each fault, what was not kept, and what was left out and why."""
    table = Table("fault", "kept", "pages", "without image", "acknowledged", "lost", "seconds")
    for row in outcomes:
        counts = ("pages", "without_image", "acknowledged", "lost", "seconds")
        kept = "yes" if row["kept"] else "NO"
        table.add_row(row["name"], kept, *(str(row[name]) for name in counts))
    console = Console()
    console.print(table)
    for row in outcomes:
        for words in row["broken"]:
            console.print(f"{row['name']}: {words}")
    for name, why in left_out.items():
        console.print(f"{name}: left out, {why}")
