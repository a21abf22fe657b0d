"""The table of faults in docs/reliability.md: `python -m bench.faults.page` writes it anew."""

from bench.faults.registry import KINDS
from bench.faults.stage.account import Breakage
from bench.measured import ROOT

PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- faults -->\n", "<!-- end of faults -->\n"
LIVE, LOG = "tests/serve/live", "tests/data/log"
ALSO = {
    "service killed": (
        f"{LOG}/test_embedded.py::test_a_killed_writer_loses_nothing_that_was_acknowledged"
    ),
    "service ended": f"{LIVE}/test_live.py::test_a_server_told_to_stop_finishes_and_flushes",
    "rolls killed": (
        f"{LOG}/test_roll.py::test_a_roll_that_was_killed_before_it_noted_its_files_writes_the_same_ones"
    ),
    "log's disk full": (
        f"{LIVE}/test_trouble.py::test_events_that_the_disk_refuses_are_asked_for_again"
    ),
    "start on a full disk": (
        f"{LIVE}/test_trouble.py::test_a_log_that_cannot_be_opened_is_said_and_opened_when_it_can"
    ),
    "profiles' disk full": (
        "tests/data/test_errors.py::"
        "test_duckdb_on_a_full_disk_is_a_full_disk_and_on_a_bad_file_is_not"
    ),
    "maps corrupt": (
        f"{LIVE}/test_live.py::test_a_corrupt_map_is_counted_and_the_next_whole_one_is_used"
    ),
    "LMDB cut short": (
        "tests/serve/maps/test_damaged_store.py::"
        "test_a_file_cut_short_under_a_reader_is_left_alone_until_it_is_whole"
    ),
    "LMDB replaced with noise": (
        "tests/serve/maps/test_damaged_store.py::test_a_file_that_was_replaced_is_the_one_that_is_read"
    ),
    "bundle cut short": (
        f"{LIVE}/test_live.py::test_a_new_bundle_is_taken_and_a_bad_one_refused_while_pages_are_answered"
    ),
    "maps that are none": (
        f"{LIVE}/test_trouble.py::test_a_service_whose_store_is_none_ends_with_one_word"
    ),
    "tokens that are none": (
        f"{LIVE}/door/test_door.py::test_a_file_that_holds_no_tokens_is_refused_by_name"
    ),
    "Redis killed": "tests/bench/serving/test_failures.py",
    "Redis slow": "tests/bench/serving/test_failures.py",
    "`current` gone": "tests/bench/serving/test_failures.py",
    "drains of Redis killed": (
        f"{LOG}/test_redis_log.py::"
        "test_a_batch_that_a_dead_consumer_wrote_but_never_acknowledged_is_there_once"
    ),
    "two publishers": (
        "tests/export/publish/test_publish.py::test_publishers_at_once_leave_one_whole_bundle"
    ),
    "two services on one log": f"{LOG}/test_embedded.py::test_processes_write_the_same_log",
    "somebody forgotten under load": (
        "tests/serve/maps/test_forget.py::"
        "test_who_is_forgotten_is_nowhere_and_everybody_else_where_they_were"
    ),
    "odd members: live": (
        f"{LIVE}/test_accepted.py::test_a_page_that_the_model_fails_at_costs_no_other"
    ),
    "odd events": (
        f"{LIVE}/test_accepted.py::"
        "test_an_event_that_no_reader_takes_is_refused_with_all_that_came_with_it"
    ),
    "titles of no catalogue": (
        f"{LIVE}/test_live.py::test_without_any_model_every_title_still_has_an_image"
    ),
    "caller: odd deadlines": (
        f"{LIVE}/door/test_door.py::test_a_deadline_that_is_none_is_refused_and_holds_no_place"
    ),
    "caller: slow bodies": (
        f"{LIVE}/door/test_door.py::test_a_real_server_goes_on_beside_clients_that_do_not_finish"
    ),
    "caller: image bombs": (
        f"{LIVE}/door/test_image_worker.py::"
        "test_a_picture_that_takes_too_much_is_refused_and_the_next_one_is_decoded"
    ),
    "caller: cut off midway": (
        f"{LIVE}/door/test_door.py::"
        "test_a_request_whose_connection_closed_midway_is_not_carried_out"
    ),
}
"""Fault → a test of the suite that holds the promise, besides what `make faults` runs."""


def table() -> str:
    """Every fault, by kind: what is done, what is promised, which tests hold it."""
    lines = ["| fault | what is done | what holds all the same | test |", "|---|---|---|---|"]
    for kind, breakages in KINDS.items():
        lines.append(f"| **{kind}** | | | |")
        lines += [_row(breakage) for breakage in breakages]
    return "\n".join(lines) + "\n"


def _row(breakage: Breakage) -> str:
    runs = "suite" if breakage.quick else "`make faults`"
    also = ALSO.get(breakage.name, "")
    tests = runs + (f", [{also.rsplit('/', 1)[-1]}](../{also.split('::')[0]})" if also else "")
    return f"| {breakage.name} | {breakage.done} | {breakage.promise} | {tests} |"


def written(page: str) -> str:
    """A page with the table as it is now."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + table() + END + after


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
