"""`python -m simulate loop`: a policy decides, waits for its rewards and learns, day after day."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from data.errors import BadInput
from loop.named_policies import Learning
from loop.policy_loop import PolicyLoop, PolicyLoopSettings
from loop.state import Row
from simulate.browsing.day import Browsing
from simulate.browsing.habits import Habits
from simulate.progress import progress_bar
from simulate.world.switches import Switches


# Each parameter is an option of the command; most of its lines say what they mean.
def policy(
    days: int = 7,
    decisions_per_day: int = 10_000,
    policy: str = "beta_thompson",
    catalogue: Path | None = None,
    members: int = 2000,
    window: int | None = None,
    decay: float = 1.0,
    epsilon: float = 0.05,
    reward: str = "take",
    seed: int = 1,
    competition: bool = False,
    delay_days: float = 0.0,
    habits: Habits | None = None,
    switches: Switches | None = None,
    train: list[str] | None = None,
    out: Path | None = None,
) -> Row:
    """Close the loop in a simulated world: decide, log, wait for rewards, learn, publish, repeat.

    A loop that was killed goes on where it stopped when it is started again with the same options;
    with more days, it goes on from the last.

    Args:
        days: how many, from day 0 on.
        decisions_per_day: places on all pages of a day.
        policy: uniform; best_by_counts, beta_thompson, bayesian_ucb, ucb1 or exp3 (by artwork);
            linucb, linear_thompson or squarecb (on facts and what artwork looks like); thompson,
            greedy, epsilon_greedy or neural_ucb (of the model that train.py trains every night).
        catalogue: folder that `python -m simulate catalogue` wrote; a small one is rendered if not
            given.
        members: how many there are.
        window: learn from the last so many days only; all if not given.
        decay: weight of a day relative to the day after it; 1 forgets nothing.
        epsilon: share of uniform exploration; greedy has none.
        reward: what the policy learns from: take, play, minutes, or 'name=SQL expression'.
        seed: of members, visits and outcomes.
        competition: titles on a page compete for one play.
        delay_days: plays and progress are received so much later.
        habits: what members meet again, skip, and come back for.
        switches: drift, adversary, change effects, clickbait.
        train: further options of train.py, such as '[--fit.epochs=2]'.
        out: folder of everything: log/, examples/, bundles/; artifacts/loop/POLICY-SEED if not
            given.
    """
    if days < 1 or decisions_per_day < 1:
        raise BadInput(f"{days} days of {decisions_per_day} decisions: give at least 1 of each")
    settings = PolicyLoopSettings(
        Learning(policy, window, decay, epsilon, reward, tuple(train or ())),
        catalogue,
        members,
        Browsing(decisions_per_day, seed, competition, delay_days, habits=habits or Habits()),
        switches or Switches(),
    )
    loop = PolicyLoop(out or Path("artifacts/loop") / f"{policy}-{seed}", settings)
    with progress_bar("days", days, loop.state.day) as done:
        rows = loop.run(days, lambda moment: done(moment.days))
    regret, even = (sum(row[key] for row in rows) for key in ("regret", "uniform_regret"))
    takes, impressions = (sum(row[key] for row in rows) for key in ("takes", "impressions"))
    return {
        "out": str(loop.out),
        "policy": policy,
        "decisions": sum(row["decisions"] for row in rows),
        "take_fraction": takes / impressions,
        "regret": regret,
        "regret_percent_of_uniform": 100 * regret / even,
        "days": rows,
    }


def show(record: Row) -> None:
    """Print the days as a table, then what they say together."""
    heads = "day", "impressions", "take fraction", "regret", "% of uniform", "examples", "model"
    table = Table(*heads, title="by the truth, over rendered decisions")
    for row in record["days"]:
        table.add_row(
            str(row["day"]),
            str(row["impressions"]),
            f"{row['take_fraction']:.4f}",
            f"{row['regret']:.1f}",
            f"{100 * row['regret'] / max(row['uniform_regret'], 1e-9):.1f}",
            str(row["examples"]),
            row["bundle"] or "–",
        )
    Console().print(table)
    for name, value in record.items():
        if name != "days":
            print(f"{name}: {value}")
