"""`python -m simulate kinds`: artwork and what is read beside it, learnt and decided together."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float
from rich.console import Console
from rich.table import Table

from data.atomic_write import whole_file
from data.errors import BadInput
from data.texts.hashed_words import HashedWords
from data.texts.text_places import TextPlaces
from data.texts.text_tags import TextTags
from simulate.kinds.kind_world import AGREEMENT, KINDS, SIZES, TRAITS, KindWorld
from simulate.kinds.learner import KindLearner, Manner, drawn, even
from simulate.kinds.synopses import THEMES, write_synopsis

DIRECTIONS = 24
HEADS, DOUBT, EPSILON = 32, 0.3, 0.02


@dataclass(frozen=True)
class ChosenKinds:
    """What a member is shown of a title, and why it is believed to be right for this one.

    Attributes:
        likes: the theme that the member likes best.
        artwork: number of the artwork among the title's.
        synopsis: in words.
        evidence: number of the evidence.
        trailer: number of the trailer.
        propensity: joint probability of the combination.
        take: the true chance of a take.
        alone: the same with this artwork, and an even draw of everything else.
    """

    likes: str
    artwork: int
    synopsis: str
    evidence: int
    trailer: int
    propensity: float
    take: float
    alone: float


@dataclass(frozen=True)
class WrittenLog:
    """A log for `python -m evaluate kinds`.

    Attributes:
        file: where it lies.
        target: what the target truly earns a decision of it.
    """

    file: str
    target: float


@dataclass(frozen=True)
class KindGains:
    """What each kind adds, by the true chance of every combination.

    Attributes:
        rounds: of the log that taught the policies, all kinds drawn evenly.
        combinations: of a title.
        takes: expected takes of a visit by policy: none chosen, then kind after kind each by
            itself, then all together.
        best: by who knows every combination's truth.
        members: before one title, the first who is shown each of its synopses.
        log: where another log was written; None: nobody asked.
    """

    rounds: int
    combinations: int
    takes: dict[str, float]
    best: float
    members: list[ChosenKinds]
    log: WrittenLog | None = None


def kinds(
    rounds: int = 8000,
    titles: int = 12,
    visits: int = 1000,
    agreement: float = AGREEMENT,
    seed: int = 0,
    log: Path | None = None,
) -> KindGains:
    """Learn from a log what to show together, and count exactly what that gains.

    A title has 6 artworks, 3 synopses, 3 pieces of evidence and 2 trailers. Members take more where
    a kind meets their taste, and where kinds agree. The learner reads each synopsis' words, and
    sees what the other kinds stress as an eye would: roughly.

    Args:
        rounds: visits of the log, of even draws.
        titles: of the world.
        visits: of members not in the log, on whom policies are judged.
        agreement: deviation of the logit by how kinds agree; 0: they do not meet.
        seed: of all of it.
        log: Parquet file for another log of even draws, with the probabilities of the joint policy
            as the target: `python -m evaluate kinds` judges it.
    """
    least = {"rounds": 1, "titles": 1, "visits": 1, "seed": 0}
    for name, value in zip(least, (rounds, titles, visits, seed), strict=True):
        if value < least[name]:
            raise BadInput(f"--{name} {value}: give {least[name]} or more")
    world = KindWorld.make(titles, agreement, seed)
    rng = np.random.default_rng([seed, 5])
    texts = [write_synopsis(traits, rng) for traits in world.traits[1].reshape(-1, TRAITS)]
    seen = _read(world, texts)
    past = world.visits(rounds, rng)
    truth = world.takes(past)
    choice = drawn(np.broadcast_to(even(), truth.shape), rng)
    taken = (rng.random(rounds) < truth[(np.arange(rounds), *choice.T)]).astype(float)
    judged = world.visits(visits, rng)
    values = world.takes(judged)
    manners: tuple[Manner, Manner] = ("independent", "joint")
    alone, joint = (KindLearner.new(seen, each).learn(past, choice, taken) for each in manners)
    chances = alone.chances(judged, 0, 0.0, seed)
    takes = {}
    for count in range(len(KINDS) + 1):
        rest = tuple(range(1 + count, 1 + len(KINDS)))
        share = np.prod([SIZES[axis - 1] for axis in rest])
        some = chances.sum(rest, keepdims=True) / share if rest else chances
        takes[f"+ {KINDS[count - 1]}" if count else "none chosen"] = _mean(values, some)
    takes["all together"] = _mean(values, joint.chances(judged, 0, 0.0, seed))
    return KindGains(
        rounds,
        int(np.prod(SIZES)),
        takes,
        float(values.reshape(visits, -1).max(1).mean()),
        _members(world, joint, texts, rng),
        None if log is None else _written(log, world, joint, rounds, rng),
    )


def _written(
    file: Path, world: KindWorld, joint: KindLearner, rounds: int, rng: np.random.Generator
) -> WrittenLog:
    """A log that the policy has not learnt from, and the policy's true worth on it."""
    visits = world.visits(rounds, rng)
    truth = world.takes(visits)
    logged = np.broadcast_to(even(), truth.shape)
    choice = drawn(logged, rng)
    taken = rng.random(rounds) < truth[(np.arange(rounds), *choice.T)]
    target = joint.chances(visits, HEADS, EPSILON, 1, DOUBT)
    columns = {
        "profile_id": [f"v{row}" for row in range(rounds)],
        "reward": taken.astype(float),
        "kinds": [list(KINDS)] * rounds,
        "sizes": [list(SIZES)] * rounds,
        "action": choice.tolist(),
        "logged": list(logged.reshape(rounds, -1)),
        "target": list(target.reshape(rounds, -1)),
    }
    with whole_file(file) as part:
        pq.write_table(pa.table(columns), part)
    return WrittenLog(str(file), _mean(truth, target))


def _read(world: KindWorld, texts: list[str]) -> KindWorld:
    """The world as the learner sees it: synopses by what their words say of tags."""
    places = TextPlaces.of(HashedWords(), texts, DIRECTIONS)
    read = TextTags.of(places, texts, world.places[1].reshape(-1, TRAITS))
    synopses = read.known.reshape(world.places[1].shape)
    return replace(world, places=(world.places[0], synopses, *world.places[2:]))


def _members(
    world: KindWorld, joint: KindLearner, texts: list[str], rng: np.random.Generator
) -> list[ChosenKinds]:
    """The first members who are shown each synopsis of a title, by Thompson sampling."""
    many = world.visits(200, rng)
    visits = many._replace(title=np.zeros(len(many.title), np.int64))
    chances = joint.chances(visits, HEADS, EPSILON, 1, DOUBT)
    chosen = drawn(chances, rng)
    first = np.sort(np.unique(chosen[:, 1], return_index=True)[1])
    truth = world.takes(visits)
    found = []
    for row in first:
        at = tuple(int(one) for one in chosen[row])
        found.append(
            ChosenKinds(
                list(THEMES)[visits.taste[row].argmax()],
                at[0],
                texts[at[1]],
                at[2],
                at[3],
                float(chances[(row, *at)]),
                float(truth[(row, *at)]),
                float(truth[row, at[0]].mean()),
            )
        )
    return found


def _mean(
    values: Float[np.ndarray, " visits *combinations"],
    chances: Float[np.ndarray, " visits *combinations"],
) -> float:
    return float((values * chances).reshape(len(values), -1).sum(1).mean())


def show(found: KindGains) -> None:
    """Print what each kind adds, and what three members are shown."""
    console = Console()
    console.print(
        f"One choice of {found.combinations} combinations a title, learnt from {found.rounds:,}"
        " visits; takes of a visit, exact:"
    )
    table = Table("chosen", "takes", "adds")
    before = None
    for name, value in found.takes.items():
        adds = "" if before is None else f"{value / before - 1:+.1%}"
        table.add_row(name, f"{value:.4f}", adds)
        before = value
    table.add_row("if all were known", f"{found.best:.4f}", "")
    console.print(table)
    for one in found.members:
        console.print(
            f"likes {one.likes}: artwork {one.artwork}, evidence {one.evidence}, trailer"
            f" {one.trailer}, shown with probability {one.propensity:.3f}; takes {one.take:.3f},"
            f" with that artwork alone {one.alone:.3f}\n  “{one.synopsis.partition('.')[0]} …”",
            soft_wrap=True,
            highlight=False,
        )
    if found.log is not None:
        console.print(
            f"{found.log.file}: as many visits again; the joint policy, exploring, truly earns"
            f" {found.log.target:.4f} a decision of it",
            soft_wrap=True,
        )
