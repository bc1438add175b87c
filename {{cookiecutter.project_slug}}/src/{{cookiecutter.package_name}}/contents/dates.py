"""HTTP dates (RFC 9110, section 5.6.7)."""

import re
import time
from datetime import UTC, datetime
from email.utils import formatdate

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAY_NAME = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
LONG_DAY_NAME = "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
MONTH = f"(?P<month>{'|'.join(MONTHS)})"
TIME = r"(?P<hour>\d\d):(?P<minute>[0-5]\d):(?P<second>[0-5]\d|60)"  # with leap seconds
FORMS = [
    re.compile(form, re.ASCII)
    for form in (
        rf"{DAY_NAME}, (?P<day>\d\d) {MONTH} (?P<year>\d\d\d\d) {TIME} GMT",  # IMF-fixdate
        rf"{LONG_DAY_NAME}, (?P<day>\d\d)-{MONTH}-(?P<year>\d\d) {TIME} GMT",  # RFC 850
        rf"{DAY_NAME} {MONTH} (?P<day>\d\d| \d) {TIME} (?P<year>\d\d\d\d)",  # asctime
    )
]
# By how much servers are late with `Date`, which they make anew each second or so.
SECONDS_OF_DATE = 2


def parse_date(text: str) -> int | None:
    """Seconds since 1970; `None` for what is no date, or one that does not exist."""
    found = next(filter(None, (form.fullmatch(text) for form in FORMS)), None)
    if found is None:
        return None
    year, this_year = int(found["year"]), datetime.now(UTC).year
    if len(found["year"]) == len("26"):
        year += this_year // 100 * 100
        year -= 100 if year > this_year + 50 else 0
    month = MONTHS.index(found["month"]) + 1
    try:
        hour = datetime(year, month, int(found["day"]), int(found["hour"]), tzinfo=UTC)
    except ValueError:
        return None
    return round(hour.timestamp()) + 60 * int(found["minute"]) + int(found["second"])


def format_date(seconds: int) -> str:
    """No date is later than that of the response (section 8.8.2.1)."""
    return formatdate(min(seconds, int(time.time()) - SECONDS_OF_DATE), usegmt=True)
