"""`python -m data COMMAND`: check files, join and roll logs, import data sets."""

from data.command_line.commands import Command, run_command
from data.errors import main

COMMANDS = {
    "check": Command(
        "data.check.command",
        "Say what is wrong with a catalogue, a log or examples.",
        show="show",
        status="status",
    ),
    "schema": Command(
        "data.schema.command", "Propose schema.yaml: facts of your own, from files.", show="show"
    ),
    "rules": Command(
        "data.rules.command", "Check rules.yaml, and print what it does for a page.", show="show"
    ),
    "cells": Command(
        "data.cells.command",
        "Check experiments.yaml, and part examples by which loop learns from them.",
        show="show",
    ),
    "join": Command(
        "data.join.command", "Join decisions and events into examples.", function="join_command"
    ),
    "roll": Command(
        "data.log.roll",
        "Move the log into Parquet by day.",
        function="roll_command",
        status="status",
    ),
    "kafka": Command(
        "data.streams.command", "Move a log in Kafka into Parquet by day.", status="status"
    ),
    "forget": Command(
        "serve.maps.forget", "Take people out of logs, runs, examples, tables and maps."
    ),
    "features": Command(
        "data.examples.backfill", "Compute features over old logs, as of each decision."
    ),
    "profiles": Command(
        "data.examples.profiles", "Write the latest facts of each profile, for precompute."
    ),
    "import": Command(
        "data.importers.mapping.import_files",
        "Bring files of any layout to the public records, by a map.",
        function="import_files",
        show="show",
    ),
    "catalogue": Command(
        "data.importers.picture_folder",
        "Make a catalogue of a folder of pictures; ids never move.",
        show="show",
    ),
    "dsjson": Command(
        "data.importers.dsjson", "Import VW's dsjson, Azure Personalizer's logs.", show="show"
    ),
    "obp-feedback": Command(
        "data.importers.obp_feedback", "Import feedback of the Open Bandit Pipeline."
    ),
    "open-bandit": Command("data.importers.open_bandit", "Import the Open Bandit Dataset."),
    "creative-ranking": Command(
        "data.importers.creative_ranking", "Import Alimama's CreativeRanking."
    ),
}


if __name__ == "__main__":
    main(lambda: run_command("data", COMMANDS))
