"""The ranges of bytes that a request asks for (RFC 9110, section 14)."""

import re
from collections.abc import Iterable

# A range-spec, and between commas nothing else but spaces (sections 5.6.1 and 14.1.1).
SPEC = re.compile(r"(?P<first>\d+)-(?P<last>\d*)|-(?P<suffix>\d+)", re.ASCII)
# More of them is what no client needs, and what attacks are made of (section 17.15).
MOST_SPANS = 100


def parse_ranges(value: str, size: int) -> tuple[range, ...] | None:
    """The spans of `size` bytes that can be sent, in the order in which they were asked for.

    Those that overlap are joined. No span: none of them can be satisfied, which is a 416. `None`
    for what is to be ignored: malformed, of another unit, too many, or the end of no bytes.
    """
    unit, _, members = value.partition("=")
    specs = [member for part in members.split(",") if (member := part.strip(" \t"))]
    found = [match for spec in specs if (match := SPEC.fullmatch(spec))]
    if unit.lower() != "bytes" or not specs or len(found) < len(specs):
        return None
    if any(spec["last"] and _number(spec["last"]) < _number(spec["first"]) for spec in found):
        return None
    spans = _join(span for spec in found if (span := _span(spec, size)) is not None)
    return spans if all(spans) and len(spans) <= MOST_SPANS else None


def _span(spec: re.Match[str], size: int) -> range | None:
    if spec["suffix"]:
        length = _number(spec["suffix"])
        return range(max(size - length, 0), size) if length else None
    first = _number(spec["first"])
    last = _number(spec["last"]) if spec["last"] else size
    return range(first, min(last + 1, size)) if first < size else None


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
