"""`python -m evaluate bundle`: what bundles would have earned on a log."""

from rich.console import Console

from data.errors import BadInput
from evaluate.ope.bootstrap import Bootstrap
from evaluate.policies.find_catalogue import find_catalogue
from evaluate.policies.judge import judge
from evaluate.policies.judgement import Judgement
from evaluate.policies.policy_probabilities import BEST_ON_LOG, TABLE
from evaluate.policies.read_examples import read_examples
from evaluate.policies.table import show
from simulate.browsing.log import read_expected

__all__ = ["bundle", "show"]

LIVE = "artifacts/bundles/current"


# Each parameter is an option of the command.
def bundle(
    log: str,
    bundles: str = f"{LIVE},random,{LIVE}:{TABLE},{BEST_ON_LOG}",
    catalogue: str | None = None,
    estimator: str = "dr",
    since: str | None = None,
    until: str | None = None,
    where: str | None = None,
    truth: str | None = None,
    segments: bool = True,
    resamples: int = 1000,
    seed: int = 0,
    cache: str | None = None,
) -> Judgement:
    """What bundles and baselines would have earned on a log, with 95% intervals over profiles.

    Args:
        log: joined examples; or a log folder, which is joined for this one time if it holds none.
        bundles: names with commas between: random, best-on-log (each title's best on this log
            among other profiles), or folders of bundles; BUNDLE:greedy takes the best mean score,
            BUNDLE:bundle-table the best of the bundle's table, learnt on its training days.
        catalogue: folder of titles.parquet and artworks.parquet; a folder catalogue beside or in
            the log if not given.
        estimator: that lift and segments are judged by.
        since: only decisions from this date or time on. A bundle that is judged on what it was
            trained on looks better than it is.
        until: only decisions before this date or time.
        where: SQL over the columns of examples: only rows that it holds for, such as
            "facts.country = 'NO'".
        truth: simulated log to read the true values from.
        segments: by surface, device, title popularity and artwork age as well.
        resamples: bootstrap draws of profiles.
        seed: of the bootstrap.
        cache: folder to keep decoded images in.
    """
    bootstrap = Bootstrap.of_options(resamples, seed)
    names = [name.strip() for name in bundles.split(",") if name.strip()]
    if not names:
        raise BadInput("--bundles is empty; name bundles, random or best-on-log")
    known = find_catalogue(log, catalogue)
    expected = None if truth is None else read_expected(truth)
    examples = read_examples(log, known, since, until, where)
    with Console(stderr=True).status(f"{len(examples):,} examples, {len(names)} policies"):
        return judge(
            examples,
            known,
            names,
            cache=cache,
            estimator=estimator,
            expected=expected,
            by_segment=segments,
            bootstrap=bootstrap,
        )
