"""Off-policy estimates: coverage on simulated logs, real logs, and a log larger than memory."""

from pathlib import Path

from data.errors import BadInput


def ope(
    part: str = "coverage",
    logs: int = 200,
    rows: int = 10_000_000,
    open_bandit: Path | None = None,
    json: bool = False,
) -> dict[str, object]:
    """Measure the off-policy estimators.

    Args:
        part: coverage (bias, RMSE and coverage on simulated logs), open-bandit (relative errors
            on the Open Bandit Dataset), scale (time and memory beside DuckDB's plain scan).
        logs: simulated logs of each kind (coverage).
        rows: decisions of the large file (scale).
        open_bandit: folder of the Open Bandit Dataset's small version (open-bandit).
        json: print one JSON object.
    """
    del json  # printing is the caller's
    if part == "coverage":
        from bench.ope.coverage import coverage

        return coverage(logs)
    if part == "open-bandit":
        from bench.ope.open_bandit import relative_errors

        if open_bandit is None:
            raise BadInput("--open-bandit: give the folder of the Open Bandit Dataset")
        return relative_errors(open_bandit)
    if part == "scale":
        from bench.ope.scale import scale

        return scale(rows)
    raise BadInput(f"--part {part}: choose coverage, open-bandit or scale")
