"""The ranges of bytes that a request asks for (RFC 9110, section 14)."""

import re
from collections.abc import Iterable

SPEC = r"\d+-\d*|-\d+"
# A list may have empty elements (sections 5.6.1 and 14.1.1).
RANGES = re.compile(
    rf"bytes=((?:{SPEC})?(?:[ \t]*+,[ \t]*+(?:{SPEC})?)*+)", re.ASCII | re.IGNORECASE
)
# More of them is what no client needs, and what attacks are made of (section 17.15).
MOST_SPANS = 100


def parse_ranges(value: str, size: int) -> tuple[range, ...] | None:
    """The spans of `size` bytes that can be sent, in the order in which they were asked for.

    Those that overlap are joined. No span: none of them can be satisfied, which is a 416. `None`
    for what is to be ignored: malformed, of another unit, too many, or the end of no bytes.
    """
    ranges = RANGES.fullmatch(value)
    specs = [spec.partition("-") for spec in re.findall(SPEC, ranges[1])] if ranges else []
    if not specs or any(
        last and first and _number(last) < _number(first) for first, _, last in specs
    ):
        return None
    found = (_span(first, last, size) for first, _, last in specs)
    spans = _join(span for span in found if span is not None)
    return spans if all(spans) and len(spans) <= MOST_SPANS else None


def _span(first: str, last: str, size: int) -> range | None:
    if first:
        end = min(_number(last) + 1, size) if last else size
        return range(_number(first), end) if _number(first) < size else None
    return range(max(size - _number(last), 0), size) if _number(last) else None


def _number(digits: str) -> int:
    """Cut off behind what any size has: Python refuses thousands of digits."""
    return int(digits.lstrip("0")[:20] or "0")


def _join(spans: Iterable[range]) -> tuple[range, ...]:
    """Each joined span takes the place of the first that is in it (section 15.3.7.2)."""
    joined: list[tuple[int, range]] = []
    for place, span in sorted(enumerate(spans), key=lambda placed: placed[1].start):
        if joined and span.start < joined[-1][1].stop:
            first_place, before = joined[-1]
            whole = range(before.start, max(before.stop, span.stop))
            joined[-1] = min(first_place, place), whole
        else:
            joined.append((place, span))
    return tuple(span for _, span in sorted(joined, key=lambda placed: placed[0]))
