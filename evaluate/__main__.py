"""`python -m evaluate COMMAND`: judge a policy before, during and after."""

from data.command_line.commands import Command, run_command
from data.errors import main

COMMANDS = {
    "estimate": Command(
        "evaluate.ope.command", "What a policy would have earned, from feedback.", show="show"
    ),
    "slate": Command(
        "evaluate.slate.command",
        "What a policy would have earned a row whose slots affect each other.",
        show="show",
    ),
    "kinds": Command(
        "evaluate.kinds.command",
        "What choosing artwork, synopsis and more together would have earned, and each adds.",
        show="show",
    ),
    "combination": Command(
        "evaluate.kinds.combination",
        "A synopsis chosen with its artwork, and what that adds, in a simulated world.",
        show="show",
    ),
    "longterm": Command(
        "evaluate.longterm.command",
        "Policies by rewards that take weeks, and proxies by experiments that are over.",
        show="show",
    ),
    "row": Command(
        "evaluate.slate.row",
        "A row decided jointly, and what that adds, in a simulated world.",
        show="show",
    ),
    "neighbours": Command(
        "evaluate.slate.neighbours",
        "What images do to those beside them, learnt from logged pages.",
        show="show",
    ),
    "bundle": Command(
        "evaluate.policies.command",
        "What bundles and baselines would have earned on a log.",
        show="show",
    ),
    "report": Command(
        "evaluate.report.report",
        "One HTML file: what a bundle does and what it earns.",
        show="show",
    ),
    "demo": Command(
        "evaluate.report.demo", "Tables and report of what `make demo` trained.", show="show"
    ),
    "gate": Command(
        "evaluate.gate.command",
        "May a bundle take the live one's place?",
        show="show",
        status="status",
    ),
    "cold-start": Command(
        "evaluate.new_artwork.cold_start",
        "Exact take fractions on artwork and members never seen.",
        show="show",
    ),
    "candidates": Command(
        "evaluate.new_artwork.command",
        "What images that nobody has shown would earn.",
        show="show",
    ),
    "insights": Command(
        "evaluate.insights.command",
        "Which artwork works for whom, and who is on what is shown to whom.",
        show="show",
    ),
    "probation": Command(
        "evaluate.probation.command",
        "Bound what new artwork may cost, by rules that it writes every night.",
        show="show",
    ),
    "explain": Command(
        "evaluate.explain.command",
        "Why a member sees this artwork of a title, in words.",
        show="show",
    ),
    "attribution": Command(
        "evaluate.attribution.attribution",
        "The recommendation's part of a log's takes, and the artwork's.",
        show="show",
    ),
    "experiment": Command(
        "evaluate.experiments.experiment",
        "Compare the cells of a running or finished A/B test.",
        show="show",
    ),
    "ramp": Command(
        "evaluate.ramp.ramp",
        "Let a cell grow by a step, or stop it, as its examples say.",
        show="show",
        status="status",
    ),
    "shadow": Command(
        "evaluate.shadow.shadow",
        "What Marquee would have earned beside a caller that shows its own.",
        show="show",
    ),
    "power": Command(
        "evaluate.experiments.power",
        "How many members and days an experiment needs.",
        show="show",
    ),
    "aa": Command(
        "evaluate.experiments.aa",
        "False positives of experiments in which nothing differs.",
        show="show",
    ),
    "monitor": Command(
        "evaluate.monitor.monitor",
        "Is the live policy what it says it is? ok, warn or alert.",
        show="show",
        status="status",
    ),
    "troubles": Command(
        "evaluate.monitor.troubles",
        "Titles that want a look: nothing to show, a canvas missing, never shown, stuck.",
        show="show",
        status="status",
    ),
}


if __name__ == "__main__":
    main(lambda: run_command("evaluate", COMMANDS))
