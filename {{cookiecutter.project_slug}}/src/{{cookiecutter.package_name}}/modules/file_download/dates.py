"""HTTP dates (RFC 9110, section 5.6.7)."""

import re
import time
from datetime import UTC, datetime
from email.utils import formatdate

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAY_NAME = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
LONG_DAY_NAME = "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
MONTH = f"(?P<month>{'|'.join(MONTHS)})"
TIME = r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
FORMS = [
    re.compile(form, re.ASCII)
    for form in (
        rf"{DAY_NAME}, (?P<day>\d\d) {MONTH} (?P<year>\d\d\d\d) {TIME} GMT",  # IMF-fixdate
        rf"{LONG_DAY_NAME}, (?P<day>\d\d)-{MONTH}-(?P<year>\d\d) {TIME} GMT",  # RFC 850
        rf"{DAY_NAME} {MONTH} (?P<day>\d\d| \d) {TIME} (?P<year>\d\d\d\d)",  # asctime
    )
]
LEAP_SECOND = 60
# By how much servers are late with `Date`, which they make anew each second or so.
SECONDS_OF_DATE = 2


def parse_date(text: str) -> int | None:
    """Seconds since 1970; `None` for what is no date, or one that does not exist."""
    found = next(filter(None, (form.fullmatch(text) for form in FORMS)), None)
    if found is None or int(found["second"]) > LEAP_SECOND:
        return None
    year, now = int(found["year"]), datetime.now(UTC)
    is_short = len(found["year"]) == len("26")
    if is_short:
        year += now.year // 100 * 100
        if year > now.year + 50:
            year -= 100
    month, day, hour, minute = (
        MONTHS.index(found["month"]) + 1,
        *(int(found[name]) for name in ("day", "hour", "minute")),
    )
    try:
        start_of_minute = datetime(year, month, day, hour, minute, tzinfo=UTC)
    except ValueError:
        return None
    return round(start_of_minute.timestamp()) + int(found["second"])


def format_date(seconds: int) -> str:
    """No date is later than that of the response (section 8.8.2.1)."""
    return formatdate(min(seconds, int(time.time()) - SECONDS_OF_DATE), usegmt=True)
