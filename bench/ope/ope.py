"""Off-policy estimates: coverage on simulated logs, real logs, and a log larger than memory."""

from pathlib import Path

from bench.ope.coverage import SIZES, coverage
from bench.ope.open_bandit import CAMPAIGNS, relative_errors
from bench.ope.scale import scale
from data.errors import BadInput

SHIPPED = Path("sample/open_bandit")
"""The first rows of the Open Bandit Dataset's campaign `men`."""


def ope(
    part: str = "coverage",
    logs: int = 200,
    rows: int = 10_000_000,
    open_bandit: Path | None = None,
    quick: bool = False,
) -> dict[str, object]:
    """Measure the off-policy estimators.

    Args:
        part: coverage (bias, RMSE and coverage on simulated logs), open-bandit (relative errors
            on the Open Bandit Dataset), scale (time and memory beside DuckDB's plain scan).
        logs: simulated logs of each kind (coverage).
        rows: decisions of the large file (scale).
        open_bandit: folder of the Open Bandit Dataset's small version (open-bandit).
        quick: the smallest logs, and the rows that are shipped: to see that it works.
    """
    if part == "coverage":
        return coverage(2, SIZES[:1]) if quick else coverage(logs)
    if part == "open-bandit":
        if quick:
            return relative_errors(open_bandit or SHIPPED, CAMPAIGNS[-1:], runs=1)
        if open_bandit is None:
            raise BadInput("--open-bandit: give the folder of the Open Bandit Dataset")
        return relative_errors(open_bandit)
    if part == "scale":
        return scale(min(rows, 10_000) if quick else rows)
    raise BadInput(f"--part {part}: choose coverage, open-bandit or scale")
