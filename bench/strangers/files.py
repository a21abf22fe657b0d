"""The theatre as its people would hand it over: a folder of posters and a CSV in local time."""

import csv
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from bench.strangers.covers import play_name, poster_name
from bench.strangers.world import MOTIFS, QUARTERS, SEATS, Rows, Theatre

FIRST_DAY = datetime(2026, 3, 21)
"""Of the log: a week before the clocks are turned."""
COLUMNS = (
    *("shown_at", "visitor", "play", "poster", "picked_by", "born", "quarter", "seat"),
    *("likes", "taste", "outcome"),
)


def write_csv(theatre: Theatre, rows: Rows, file: Path) -> None:
    """Rows as a CSV, with a point between days and a comma in numbers."""
    visitors = theatre.visitors
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, delimiter=";")
        writer.writerow(COLUMNS)
        for second, who, play, place, drawn, reward in zip(
            *(column.tolist() for column in rows), strict=True
        ):
            when = FIRST_DAY + timedelta(seconds=second)
            liked = np.flatnonzero(visitors.liked[who])
            writer.writerow(
                [
                    when.strftime("%d.%m.%Y %H:%M:%S"),
                    f"v-{who}",
                    play_name(play),
                    poster_name(place),
                    "lottery" if drawn else "editor",
                    visitors.born[who] or "",
                    QUARTERS[visitors.quarter[who]],
                    SEATS[visitors.seat[who]],
                    "|".join(MOTIFS[motif] for motif in liked),
                    " ".join(f"{number:.3f}" for number in visitors.taste[who]).replace(".", ","),
                    {0.0: "0", 1.0: "1"}.get(reward, "0,5"),
                ]
            )


def of_days(rows: Rows, first: int, last: int) -> Rows:
    """The rows from one day of the log to before another."""
    day = rows.second // 86_400
    return Rows(*(column[(day >= first) & (day < last)] for column in rows))
