"""Days, and spans of time, as every record counts them: in UTC, microseconds since 1970-01-01."""

from datetime import UTC, date, datetime, timedelta

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US
EPOCH = date(1970, 1, 1)


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


def date_of(number: int) -> date:
    """The date that is so many days after 1970-01-01."""
    return EPOCH + timedelta(days=number)


def midnight_us(day: date) -> int:
    """The moment at which a day begins."""
    return day_number(day) * DAY_US


def moment_us(moment: datetime) -> int:
    """A time; one without a zone is taken for UTC."""
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
