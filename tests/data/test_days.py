"""Days, numbered as every record numbers them."""

from datetime import UTC, date, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from data.days import DAY_US, date_of, day_number, midnight_us, moment_us


@given(st.dates())
def test_a_days_number_counts_from_1970(day):
    assert day_number(day) == day.toordinal() - date(1970, 1, 1).toordinal()
    assert date_of(day_number(day)) == day


@given(st.datetimes())
def test_a_moment_lies_in_its_day(moment):
    day, within = divmod(moment_us(moment), DAY_US)
    assert date_of(day) == moment.date()
    assert within == (moment - datetime.combine(moment, datetime.min.time())) // timedelta(
        microseconds=1
    )
    assert moment_us(moment) - within == midnight_us(moment.date())


def test_a_moment_without_a_zone_is_one_of_utc():
    noon = datetime(2026, 1, 31, 12)
    assert moment_us(noon) == moment_us(noon.replace(tzinfo=UTC)) == 1_769_860_800_000_000
    two_hours_east = noon.replace(hour=14, tzinfo=timezone(timedelta(hours=2)))
    assert moment_us(two_hours_east) == moment_us(noon)
