"""`python -m bench COMMAND`: measurements, each beside its limit or its peer."""

from data.command_line.commands import Command, run_command
from data.errors import main

COMMANDS = {
    "lookup": Command("bench.serving.lookup", "Image look-ups a second from the map store."),
    "precompute": Command(
        "bench.serving.precompute", "Decisions a second, beside the bare matrix product and argmax."
    ),
    "live": Command("bench.serving.live", "Latency, load and shedding of the live service."),
    "pages": Command(
        "bench.serving.pages",
        "The live service's pages a second, beside a bare handler and another version.",
        show="show_pages",
    ),
    "web": Command(
        "bench.serving.web",
        "How long pages take, and what live decisions beside them feel of it.",
        show="show_web",
    ),
    "parity": Command(
        "bench.serving.parity",
        "ONNX Runtime's scores and choices beside torch's, each kind of heads and of eyes.",
        show="show_parity",
    ),
    "explain": Command(
        "bench.serving.explain",
        "Explanations of many decisions: do they add up, and how long does one take?",
        function="explained",
        show="show_explained",
    ),
    "failures": Command(
        "bench.serving.failures",
        "Redis, maps and bundles broken under load: images shown, reasons counted.",
        show="show_failures",
    ),
    "ope": Command(
        "bench.ope.ope", "Off-policy estimates: coverage, real logs, ten million decisions."
    ),
    "golden": Command(
        "bench.golden.golden",
        "A folder of reference values, by the product's own estimators.",
        show="show",
    ),
    "rows": Command(
        "bench.rows.rows",
        "Rows decided jointly, and off-line estimates of them, beside every row's exact value.",
        show="show",
    ),
    "dimensions": Command(
        "bench.dimensions.dimensions",
        "Artwork, synopsis, evidence and trailer decided together, beside exact values and a peer.",
        show="show",
    ),
    "shadow": Command(
        "bench.cells.shadow",
        "What Marquee would have earned beside a caller's own artwork, against the truth.",
        show="show",
    ),
    "cells": Command(
        "bench.cells.rates",
        "What experiments cost a live page, beside none.",
        function="cell_rates",
        show="show_cells",
    ),
    "ramp": Command(
        "bench.cells.ramp",
        "Ramps of bundles that are known to be worse, as good and better.",
        show="show",
    ),
    "longterm": Command(
        "bench.longterm.longterm",
        "Loops for plays, takes, a proxy and the truth over 60 days; estimates, new artwork, RL.",
        show="show",
    ),
    "row-pages": Command(
        "bench.rows.row_pages",
        "Latency of live pages decided as rows, beside those decided title by title.",
        show="show_row_pages",
    ),
    "propensities": Command(
        "bench.propensities.propensities",
        "Mean weights, bias and coverage where artwork stays and members look again.",
        show="show_propensities",
    ),
    "judging": Command(
        "bench.judging.judging",
        "Every interval, gate, experiment and alarm beside what it promises, on known truth.",
        show="show_judging",
    ),
    "encoder": Command(
        "bench.serving.encoder", "ONNX Runtime beside torch eager, fp32 beside int8."
    ),
    "sight": Command(
        "bench.serving.sight",
        "Pictures a second through each eye, beside ONNX Runtime's bare rate; memory.",
    ),
    "eyes": Command(
        "bench.eyes.eyes",
        "Each eye and each part of what is read of pictures: cost a picture, and share earned.",
        show="show_eyes",
    ),
    "join": Command(
        "bench.logs.join", "Seconds and memory of the join at several sizes, beside a bare scan."
    ),
    "spark": Command(
        "bench.spark.spark",
        "Spark beside DuckDB and the truth on odd logs, and beside this machine's maps.",
        show="show_spark",
        status="status",
    ),
    "rendered": Command(
        "bench.logs.rendered", "Precompute to examples: draws looked up, beside all as rows."
    ),
    "log": Command("bench.logs.log", "Records acknowledged a second, on SQLite and on Redis."),
    "learning": Command(
        "bench.learning.learning",
        "Regret of the heads and of the peers, on the same rounds.",
        show="show_learning",
    ),
    "delay": Command(
        "bench.learning.delay",
        "Regret of a learner whose rewards come 1 … 1024 decisions late.",
        show="show_delays",
    ),
    "drift": Command(
        "bench.learning.drift",
        "Regret where tastes move, with decay or a window and without.",
        show="show_drift",
    ),
    "calibration": Command(
        "bench.findings.calibration",
        "How far predicted takes are from what happens, for new artwork as well.",
        show="show_calibration",
    ),
    "findings": Command(
        "bench.findings.findings",
        "What the talk found, with intervals: personal, varied, lesser-known artwork.",
        show="show_findings",
    ),
    "shown": Command(
        "bench.findings.shown",
        "Genres and names that a bundle reads of new posters, beside the truth.",
        show="show_shown",
    ),
    "training": Command(
        "bench.training.training",
        "Training: speed beside the naive way, growth, increments, processes.",
    ),
    "increments": Command(
        "bench.training.increments",
        "Days added to a posterior: beside one reading, a full training and no update.",
        show="show_increments",
    ),
    "strangers": Command(
        "bench.strangers.strangers",
        "A theatre's posters and visitors: what is learnt of them, and whether reports say so.",
        show="show_strangers",
    ),
    "plot": Command("bench.learning.plot", "Draw the regret curves of `learning` as a page."),
    "crash": Command(
        "bench.logs.crash", "Records lost, doubled or torn by kill -9 at random moments."
    ),
    "faults": Command(
        "bench.faults.faults",
        "Processes, disks, clocks, files, stores and callers broken: which promises are kept.",
        show="show_faults",
        status="status",
    ),
    "hosts": Command(
        "bench.hosts.hosts",
        "Redis servers, clusters, drains, publishers and object stores broken or killed.",
        show="show_hosts",
        status="status",
    ),
    "rules": Command(
        "bench.rules.rules",
        "Rules that change each hour: kept, exact, alike everywhere, and what a thousand cost.",
        show="show_rules",
    ),
    "takedown": Command(
        "bench.rules.takedown",
        "Artwork taken down under load: seconds until the last page that shows it, 100 times.",
        show="show_takedown",
    ),
    "probation": Command(
        "bench.rules.probation",
        "New artwork with and without probation: regret, draws until it is found, worst cost.",
    ),
    "rates": Command(
        "bench.hosts.rates",
        "Look-ups, map writes, log appends and drains over Redis, beside redis-benchmark.",
    ),
    "hostile": Command(
        "bench.endurance.hostile",
        "One attacker among four clients: p99 and fallbacks of the others, beside a quiet run.",
        show="show_hostile",
        status="status",
    ),
    "soak": Command(
        "bench.endurance.soak",
        "Half an hour of the loop under mixed load: memory, descriptors, disk, latency by minute.",
        show="show_soak",
    ),
    "all": Command(
        "bench.all_benchmarks",
        "All of these, each in a process of its own; with --quick at their smallest.",
        function="all_benchmarks",
        show="show_all",
        status="exit_code",
    ),
}


if __name__ == "__main__":
    main(lambda: run_command("bench", COMMANDS))
