"""Pages are taken in by their predicted wait, against their own deadline."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve.live.door.admission import LARGEST, PATIENCE, Admission


def told(seconds, pages=8, times=200, batch=8):
    admission = Admission(batch)
    for _ in range(times):
        admission.learn(seconds, pages)
    return admission


def test_sixteen_patient_clients_are_no_overload_where_pages_are_quick():
    assert told(8 * 0.0005).admits(15, 0.05)


def test_as_many_are_one_where_pages_are_slow():
    assert not told(8 * 0.005).admits(15, 0.05)


@given(pages=st.integers(1, 100), left=st.floats(0, 10), more=st.floats(0, 10))
def test_who_has_longer_may_wait_longer_and_never_more_than_the_share(pages, left, more):
    admission = told(8 * 0.001)
    if admission.admits(pages, left):
        assert admission.admits(pages, left + more)
        assert admission.wait(pages) <= PATIENCE * left


@pytest.mark.parametrize("pages", [1, 3, 8])
def test_a_batch_bounds_what_a_page_costs_from_both_sides(pages):
    estimate = told(0.004, pages, 1000).seconds_a_page
    assert 0.004 / 8 * 0.99 <= estimate <= 0.004 / pages * 1.01


def test_small_batches_do_not_make_a_quick_service_look_slow():
    admission = told(8 * 0.0005)
    before = admission.seconds_a_page
    for _ in range(100):
        admission.learn(0.0009, 1)  # alone: the flush is not shared
    assert admission.seconds_a_page == pytest.approx(before)


def test_one_stall_is_no_rate():
    admission = told(8 * 0.0005)
    before = admission.seconds_a_page
    admission.learn(30.0, 8)
    assert admission.seconds_a_page <= LARGEST * before


def test_after_the_worst_a_page_alone_is_taken_in_and_the_estimate_comes_back():
    admission = told(8 * 1.0)
    assert admission.admits(0, 0.001)
    assert not admission.admits(15, 0.05)
    for _ in range(200):
        admission.learn(0.0005, 1)
    assert admission.admits(15, 0.05)


def test_work_in_hand_that_is_late_counts():
    admission = told(8 * 0.0005)
    admission.begin(time.perf_counter() - 1.0, 8)  # the disk has been silent for a second
    assert not admission.admits(8, 0.05)
    assert admission.admits(8, 60.0)
    admission.end()
    assert admission.wait(0) == 0
