"""`python -m tests.fuzz.one_kind KIND …`: one kind in this process, guided by what code is reached.

atheris (libFuzzer) keeps inputs that reach code which no other reached, and changes those.
"""

import argparse
import importlib
import random
import sys
import warnings
from pathlib import Path

KINDS = {
    "facts": "requests",
    "events": "requests",
    "maps": "maps",
    "layouts": "maps",
    "runs": "maps",
    "row_maps": "maps",
    "row_tables": "maps",
    "takedowns": "maps",
    "insteads": "maps",
    "journals": "journals",
    "manifests": "bundles",
    "bundles": "bundles",
    "parquet": "tables",
    "schemas": "tables",
    "feedback": "tables",
    "images": "images",
    "configs": "configs",
    "tokens": "configs",
    "own_facts": "declarations",
    "import_maps": "declarations",
    "rewards": "declarations",
}
"""Kind → module of `tests.fuzz.targets` whose `TARGETS` makes it."""
ROOMS = ["bandit", "data", "serve", "model", "evaluate"]


def main() -> None:
    """Fuzz one kind."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seconds", type=int, default=0, help="end after so long; 0: never")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("artifacts/fuzz"))
    parser.add_argument("--again", type=Path, help="read this input once, and raise what it raises")
    asked = parser.parse_args()
    if asked.again is not None:
        module = importlib.import_module(f"tests.fuzz.targets.{KINDS[asked.kind]}")
        module.TARGETS[asked.kind]().target(asked.again.read_bytes())
        return
    import atheris  # of the extra `fuzz`

    warnings.simplefilter("ignore")
    with atheris.instrument_imports(include=ROOMS, enable_loader_override=False):
        module = importlib.import_module(f"tests.fuzz.targets.{KINDS[asked.kind]}")
    # After the imports that it bounds.
    from tests.fuzz.contract import Contract, limit_memory

    kind = module.TARGETS[asked.kind]()
    corpus = asked.out / "corpus" / asked.kind
    corpus.mkdir(parents=True, exist_ok=True)
    for old in corpus.iterdir():
        old.unlink()
    for at, seed in enumerate(kind.seeds):
        (corpus / f"seed-{at:03}").write_bytes(seed)
    largest = max(4096, 2 * max(map(len, kind.seeds)))
    contract = Contract(asked.kind, kind.target, asked.cases, asked.out)

    def mutate(raw: bytes, most: int, seed: int) -> bytes:
        rng = random.Random(seed)
        if not raw or rng.random() < 0.4:
            raw = rng.choice(kind.seeds)
        for _ in range(8):
            made = rng.choice(kind.mutations)(raw, rng)
            if made != raw:
                break
        return made[:largest]

    options = [f"-runs={asked.cases}", f"-seed={asked.seed}", f"-max_len={largest}"]
    options += [f"-max_total_time={asked.seconds}"]
    options += ["-timeout=20", "-rss_limit_mb=0", "-verbosity=0", "-print_final_stats=0"]
    limit_memory()
    atheris.Setup(
        [sys.argv[0], *options, f"-artifact_prefix={asked.out}/stopped-{asked.kind}-", str(corpus)],
        contract,
        custom_mutator=mutate,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
