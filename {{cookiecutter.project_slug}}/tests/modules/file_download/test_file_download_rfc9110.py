"""What RFC 9110 says of preconditions (section 13) and ranges (section 14), case by case."""

import os
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from tests.modules.file_download.raw import Answer, ask
from tests.streaming.fixtures import APP

# The date of the examples in section 5.6.7.
MODIFIED = 784111777
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
EARLIER, LATER = "Sun, 06 Nov 1994 08:49:36 GMT", "Sun, 06 Nov 1994 08:49:38 GMT"
CONTENTS = {
    "ten": b"0123456789",
    "empty": b"",
    "thousand": b"".join(b"%010d" % number for number in range(100)),
}
DIGITS = "9" * 5000
YEAR = datetime.now(UTC).year


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    for name, content in CONTENTS.items():
        (folder / name).write_bytes(content)
        os.utime(folder / name, (MODIFIED, MODIFIED))
    (folder / "tomorrow").write_bytes(b"0123456789")
    tomorrow = time.time() + 86_400
    os.utime(folder / "tomorrow", (tomorrow, tomorrow))
    return folder


@pytest.fixture(
    scope="module",
    params=["ours", pytest.param("granian", marks=pytest.mark.slow)],
)
def url(request: pytest.FixtureRequest, serve: Any, folder: Path) -> Iterator[str]:
    with serve(APP, server=request.param, FILE_DOWNLOAD_FOLDER=str(folder)) as server:
        yield server.url


@pytest.fixture(scope="module")
def etag(url: str) -> str:
    return ask(url, "/files/ten").headers["ETag"]


def spans(answer: Answer, content: bytes) -> list[str]:
    """The spans of the answer, whose bytes are those of the content."""
    found = []
    for content_range, body in answer.parts:
        unit, _, rest = content_range.partition(" ")
        span, _, size = rest.partition("/")
        first, last = map(int, span.split("-"))
        assert (unit, int(size)) == ("bytes", len(content))
        assert body == content[first : last + 1]
        found.append(span)
    assert answer.headers["Content-Length"] == str(len(answer.body))
    return found


WHOLE, UNSATISFIED = "whole", "unsatisfied"

RANGES = [
    # One range
    ("ten", "bytes=0-4", ["0-4"]),
    ("ten", "bytes=3-7", ["3-7"]),
    ("ten", "bytes=2-", ["2-9"]),
    ("ten", "bytes=9-", ["9-9"]),
    ("ten", "bytes=0-", ["0-9"]),
    ("ten", "bytes=-5", ["5-9"]),
    ("ten", "bytes=-1", ["9-9"]),
    ("ten", "bytes=-10", ["0-9"]),
    ("ten", "bytes=-1000", ["0-9"]),
    ("ten", "bytes=0-0", ["0-0"]),
    ("ten", "bytes=5-1000", ["5-9"]),
    ("ten", "bytes=0-9", ["0-9"]),
    ("ten", "bytes=0-10", ["0-9"]),
    ("ten", "bytes=00-0004", ["0-4"]),
    ("ten", f"bytes=0-{2**63}", ["0-9"]),
    ("ten", f"bytes=-{2**64}", ["0-9"]),
    ("ten", f"bytes=5-{DIGITS}", ["5-9"]),
    ("ten", f"bytes=-{DIGITS}", ["0-9"]),
    ("ten", f"bytes={'0' * 5000}5-", ["5-9"]),
    ("ten", "BYTES=0-4", ["0-4"]),
    ("ten", "Bytes=0-4", ["0-4"]),
    # Several
    ("ten", "bytes=0-1,5-8", ["0-1", "5-8"]),
    ("ten", "bytes=0-1,5-", ["0-1", "5-9"]),
    ("ten", "bytes=0-0,-1", ["0-0", "9-9"]),
    ("ten", "bytes=0-4,5-9", ["0-4", "5-9"]),
    ("ten", "bytes=5-6,0-1", ["5-6", "0-1"]),
    ("ten", "bytes=-2,4-5,0-1", ["8-9", "4-5", "0-1"]),
    ("ten", "bytes=0-1 , 5-8", ["0-1", "5-8"]),
    ("ten", "bytes=0-1,\t5-8", ["0-1", "5-8"]),
    ("ten", "bytes=,,0-1,,5-8,", ["0-1", "5-8"]),
    ("ten", "bytes= ,0-1", ["0-1"]),
    ("thousand", "bytes=500-600,601-999", ["500-600", "601-999"]),
    (
        "thousand",
        "bytes=" + ",".join(f"{n}-{n}" for n in range(0, 200, 2)),
        [f"{n}-{n}" for n in range(0, 200, 2)],
    ),
    # Such as overlap
    ("ten", "bytes=0-4,3-6", ["0-6"]),
    ("ten", "bytes=3-6,0-4", ["0-6"]),
    ("ten", "bytes=0-4,0-4", ["0-4"]),
    ("ten", "bytes=0-,1-,2-,3-,4-", ["0-9"]),
    ("ten", "bytes=8-9,0-4,3-6", ["8-9", "0-6"]),
    ("ten", "bytes=0-2,8-9,2-4", ["0-4", "8-9"]),
    ("ten", "bytes=-3,-2,-1", ["7-9"]),
    ("ten", f"bytes={','.join(['0-'] * 3000)}", ["0-9"]),
    # Such as cannot be satisfied, alone and beside others
    ("ten", "bytes=10-", UNSATISFIED),
    ("ten", "bytes=10-11", UNSATISFIED),
    ("ten", "bytes=1000-2000", UNSATISFIED),
    ("ten", "bytes=-0", UNSATISFIED),
    ("ten", "bytes=10-,-0,20-30", UNSATISFIED),
    ("ten", f"bytes={DIGITS}-", UNSATISFIED),
    ("ten", "bytes=0-4,10-", ["0-4"]),
    ("ten", "bytes=20-30,0-4", ["0-4"]),
    ("ten", "bytes=-0,0-4", ["0-4"]),
    ("ten", "bytes=20-30,0-1,10-,5-6", ["0-1", "5-6"]),
    ("empty", "bytes=0-", UNSATISFIED),
    ("empty", "bytes=0-0", UNSATISFIED),
    ("empty", "bytes=-0", UNSATISFIED),
    ("empty", "bytes=-5", WHOLE),  # it can be satisfied, but no Content-Range can say so
    # Malformed, or of another unit
    *(
        ("ten", value, WHOLE)
        for value in (
            "",
            "bytes",
            "bytes=",
            "bytes= ",
            "bytes=,",
            "bytes=-",
            "bytes=--5",
            "bytes=-5-",
            "bytes=5-4",
            "bytes=4-2,0-1",
            "bytes=0-1,4-2",
            "bytes=+0-4",
            "bytes=0-+4",
            "bytes=-+5",
            "bytes=0-1_0",
            "bytes=0-4,x-y",
            "bytes=x-y",
            "bytes=0x0-4",
            "bytes=0-4.0",
            "bytes=0 - 4",
            "bytes=0 -4",
            "bytes=0- 4",
            "bytes= 0-4",
            "bytes =0-4",
            "bytes==0-4",
            "bytes:0-4",
            "bytes 0-4",
            "bytes=0-4;5-6",
            "bytes=0-4 5-6",
            "bytes=0-4-6",
            "bytes=*",
            "bytes=0-*",
            "bytes=*/10",
            "bytes=0-4/10",
            "bytes=\u0660-\u0664",
            "bytes=0-1, bytes=5-8",
            "0-4",
            "=0-4",
            "byte=0-4",
            "bytes2=0-4",
            "items=0-4",
            "seconds=0-4",
            "none",
            "bytes=" + "0-1," * 500 + "x",
            "bytes=" + ", \t " * 2000 + "x",
        )
    ),
    ("ten", "bytes=0-1\r\nRange: bytes=5-8", WHOLE),  # it is no list
    ("thousand", "bytes=" + ",".join(f"{n}-{n}" for n in range(0, 202, 2)), WHOLE),  # too many
]


@pytest.mark.parametrize(("name", "value", "expected"), RANGES, ids=lambda value: str(value)[:40])
def test_ranges(url, name, value, expected):
    content = CONTENTS[name]
    answer = ask(url, f"/files/{name}", f"Range: {value}")
    if expected == UNSATISFIED:
        assert answer.status == 416
        assert answer.headers["Content-Range"] == f"bytes */{len(content)}"
        assert answer.headers["Content-Type"] == "application/problem+json"
    elif expected == WHOLE:
        assert (answer.status, answer.body) == (200, content)
        assert "Content-Range" not in answer.headers
    else:
        assert answer.status == 206
        assert spans(answer, content) == expected


# Header lines, with {etag} for that of the file, and the status of the answer to a GET.
PRECONDITIONS = [
    # If-Match (section 13.1.1)
    (["If-Match: {etag}"], 200),
    (["If-Match: *"], 200),
    (['If-Match: "x", {etag}'], 200),
    (['If-Match: "x",{etag},"y"'], 200),
    (['If-Match: , "x" ,, {etag} ,'], 200),
    (['If-Match: "x"', "If-Match: {etag}"], 200),
    (['If-Match: "a,b", {etag}'], 200),
    (['If-Match: "", {etag}'], 200),
    (['If-Match: W/"x", {etag}'], 200),
    (['If-Match: "x"'], 412),
    (['If-Match: "x"', 'If-Match: "y"'], 412),
    (["If-Match: W/{etag}"], 412),
    (["If-Match: w/{etag}"], 412),
    (["If-Match: {bare}"], 412),
    (["If-Match: '{bare}'"], 412),
    (["If-Match: x {etag}"], 412),
    (['If-Match: "x" {etag}'], 412),
    (["If-Match:"], 412),
    (['If-Match: "x"', "Range: bytes=0-4"], 412),
    (["If-Match: {etag}", "Range: bytes=0-4"], 206),
    (["If-Match: {etag}", "Range: bytes=10-"], 416),
    # If-Unmodified-Since (section 13.1.4)
    ([f"If-Unmodified-Since: {DATE}"], 200),
    ([f"If-Unmodified-Since: {LATER}"], 200),
    ([f"If-Unmodified-Since: {EARLIER}"], 412),
    ([f"If-Unmodified-Since: {EARLIER}", "Range: bytes=0-4"], 412),
    ([f"If-Unmodified-Since: {DATE}", "Range: bytes=0-4"], 206),
    (["If-Unmodified-Since: never"], 200),
    (["If-Unmodified-Since:"], 200),
    ([f"If-Unmodified-Since: {EARLIER}", f"If-Unmodified-Since: {EARLIER}"], 200),
    # If-None-Match (section 13.1.2)
    (["If-None-Match: {etag}"], 304),
    (["If-None-Match: W/{etag}"], 304),
    (["If-None-Match: *"], 304),
    (["If-None-Match:  *  "], 304),
    (['If-None-Match: "x", {etag}'], 304),
    (['If-None-Match: "x",W/{etag},"y"'], 304),
    (['If-None-Match: ,, "x" , {etag}'], 304),
    (['If-None-Match: "x"', "If-None-Match: {etag}"], 304),
    (['If-None-Match: W/"x", "a,b", {etag}'], 304),
    (['If-None-Match: "\u00fc", {etag}'], 304),
    (["If-None-Match: {etag}", "Range: bytes=0-4"], 304),
    (["If-None-Match: {etag}", "Range: bytes=10-"], 304),
    (['If-None-Match: "x"'], 200),
    (['If-None-Match: W/"x"'], 200),
    (["If-None-Match: {bare}"], 200),
    (["If-None-Match: {etag}x"], 200),
    (["If-None-Match: x{etag}"], 200),
    (["If-None-Match:"], 200),
    (['If-None-Match: "x"', "Range: bytes=0-4"], 206),
    # If-Modified-Since (section 13.1.3)
    ([f"If-Modified-Since: {DATE}"], 304),
    ([f"If-Modified-Since: {LATER}"], 304),
    (["If-Modified-Since: Sat, 01 Jan 2000 00:00:00 GMT"], 304),
    (["If-Modified-Since: Fri, 31 Dec 9999 23:59:59 GMT"], 304),
    ([f"If-Modified-Since: {EARLIER}"], 200),
    (["If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT"], 200),
    ([f"If-Modified-Since: {DATE}", "Range: bytes=0-4"], 304),
    ([f"If-Modified-Since: {EARLIER}", "Range: bytes=0-4"], 206),
    ([f"If-Modified-Since: {LATER}", f"If-Modified-Since: {LATER}"], 200),
    # The order (section 13.2.2)
    (["If-Match: {etag}", f"If-Unmodified-Since: {EARLIER}"], 200),
    (['If-Match: "x"', f"If-Unmodified-Since: {LATER}"], 412),
    (['If-Match: "x"', "If-None-Match: {etag}"], 412),
    (["If-Match: {etag}", "If-None-Match: {etag}"], 304),
    (["If-Match: {etag}", 'If-None-Match: "x"'], 200),
    ([f"If-Unmodified-Since: {EARLIER}", "If-None-Match: {etag}"], 412),
    ([f"If-Unmodified-Since: {DATE}", "If-None-Match: {etag}"], 304),
    ([f"If-Unmodified-Since: {DATE}", f"If-Modified-Since: {DATE}"], 304),
    (['If-None-Match: "x"', f"If-Modified-Since: {LATER}"], 200),
    (["If-None-Match:", f"If-Modified-Since: {LATER}"], 200),
    (["If-None-Match: {etag}", f"If-Modified-Since: {EARLIER}"], 304),
    (["If-Match: {etag}", f"If-Modified-Since: {DATE}"], 304),
    (["If-None-Match: {etag}", "Range: bytes=0-4", "If-Range: {etag}"], 304),
    (['If-None-Match: "x"', "Range: bytes=0-4", "If-Range: {etag}"], 206),
    (['If-None-Match: "x"', "Range: bytes=0-4", 'If-Range: "x"'], 200),
    (["If-Match: {etag}", "Range: bytes=0-4", 'If-Range: "x"'], 200),
    # If-Range (section 13.1.5)
    (["Range: bytes=0-4", "If-Range: {etag}"], 206),
    (["Range: bytes=0-1,5-8", "If-Range: {etag}"], 206),
    (["Range: bytes=10-", "If-Range: {etag}"], 416),
    (["Range: bytes=10-", 'If-Range: "x"'], 200),
    (["Range: bytes=0-4", 'If-Range: "x"'], 200),
    (["Range: bytes=0-4", "If-Range: W/{etag}"], 200),
    (["Range: bytes=0-4", "If-Range: {bare}"], 200),
    (["Range: bytes=0-4", "If-Range: *"], 200),
    (["Range: bytes=0-4", "If-Range:"], 200),
    (["Range: bytes=0-4", 'If-Range: "x", {etag}'], 200),
    (["Range: bytes=0-4", "If-Range: {etag}", "If-Range: {etag}"], 200),
    (["Range: bytes=0-4", f"If-Range: {DATE}"], 206),
    (["Range: bytes=0-4", "If-Range: Sunday, 06-Nov-94 08:49:37 GMT"], 206),
    (["Range: bytes=0-4", f"If-Range: {LATER}"], 200),
    (["Range: bytes=0-4", f"If-Range: {EARLIER}"], 200),
    (["Range: bytes=0-4", "If-Range: soon"], 200),
    (["If-Range: {etag}"], 200),
    (['If-Range: "x"'], 200),
    (["Range: x", "If-Range: {etag}"], 200),
]


@pytest.mark.parametrize(("lines", "status"), PRECONDITIONS, ids=lambda value: str(value)[:60])
def test_preconditions(url, etag, lines, status):
    lines = [line.replace("{etag}", etag).replace("{bare}", etag.strip('"')) for line in lines]
    answer = ask(url, "/files/ten", *lines)
    assert answer.status == status
    if status == 200:
        assert answer.body == CONTENTS["ten"]
    elif status == 206:
        assert all(spans(answer, CONTENTS["ten"]))
    elif status == 304:
        assert answer.body == b""
        assert answer.headers["ETag"] == etag
        assert "Content-Length" not in answer.headers
    else:
        assert answer.headers["Content-Type"] == "application/problem+json"
    # A HEAD has no ranges (section 14.2).
    head = ask(url, "/files/ten", *lines, method="HEAD")
    assert head.status == (200 if status in {206, 416} else status)
    assert head.body == b""


# Whether the file has not been modified since then, or this is no date (section 5.6.7).
DATES = [
    ("Sun, 06 Nov 1994 08:49:37 GMT", True),
    ("Sunday, 06-Nov-94 08:49:37 GMT", True),
    ("Sun Nov  6 08:49:37 1994", True),
    ("Sun Nov 06 08:49:37 1994", True),
    ("Sun Nov 16 08:49:37 1994", True),
    ("Saturday, 05-Nov-94 08:49:37 GMT", False),
    ("Sat Nov  5 08:49:37 1994", False),
    ("Mon, 29 Feb 2016 00:00:00 GMT", True),
    ("Sat, 31 Dec 2016 23:59:60 GMT", True),
    (f"Friday, 06-Nov-{(YEAR + 50) % 100:02} 08:49:37 GMT", True),
    (f"Friday, 06-Nov-{(YEAR - 49) % 100:02} 08:49:37 GMT", False),
    *(
        (text, False)
        for text in (
            "Sun, 32 Jan 2000 08:49:37 GMT",
            "Sun, 00 Jan 2000 08:49:37 GMT",
            "Sun, 31 Nov 2000 08:49:37 GMT",
            "Tue, 29 Feb 2011 00:00:00 GMT",
            "Sun, 06 Nov 2000 24:00:00 GMT",
            "Sun, 06 Nov 2000 08:60:00 GMT",
            "Sun, 06 Nov 2000 08:49:61 GMT",
            "Sun, 06 Nov 0000 08:49:37 GMT",
            "Sun, 06 Nov 2000 08:49:37",
            "Sun, 06 Nov 2000 08:49:37 UTC",
            "Sun, 06 Nov 2000 08:49:37 gmt",
            "Sun, 06 Nov 2000 08:49:37 +0000",
            "Sun, 06 Nov 2000 8:49:37 GMT",
            "Sun, 6 Nov 2000 08:49:37 GMT",
            "Sun, 06 Nov 00 08:49:37 GMT",
            "Sun, 06 nov 2000 08:49:37 GMT",
            "sun, 06 Nov 2000 08:49:37 GMT",
            "Xyz, 06 Nov 2000 08:49:37 GMT",
            "Sun, 06 Foo 2000 08:49:37 GMT",
            "06 Nov 2000 08:49:37 GMT",
            "Sun 06 Nov 2000 08:49:37 GMT",
            "Sun,  06 Nov 2000 08:49:37 GMT",
            "Sunday, 06-Nov-2000 08:49:37 GMT",
            "Sun Nov 6 08:49:37 2000",
            "Sun Nov  6 08:49:37 2000 GMT",
            "2000-11-06T08:49:37Z",
            "973500577",
            "0",
            "-1",
            "now",
            "Sun, \u0660\u0666 Nov 2000 08:49:37 GMT",
        )
    ),
]


@pytest.mark.parametrize(("text", "is_unmodified"), DATES)
def test_dates(url, text, is_unmodified):
    answer = ask(url, "/files/ten", f"If-Modified-Since: {text}")
    assert answer.status == (304 if is_unmodified else 200)


def test_the_headers_of_a_whole_file_its_parts_and_of_no_body(url, etag):
    whole = ask(url, "/files/ten")
    assert whole.headers["Last-Modified"] == DATE
    assert whole.headers["Accept-Ranges"] == "bytes"
    assert whole.headers["Content-Length"] == "10"
    assert whole.headers["Vary"] == "Accept-Encoding"
    head = ask(url, "/files/ten", method="HEAD")
    part = ask(url, "/files/ten", "Range: bytes=0-4")
    unmodified = ask(url, "/files/ten", f"If-None-Match: {etag}")
    for answer, but in (
        (head, {"date"}),
        (part, {"date", "content-length"}),
        (unmodified, {"date", "content-length", "content-type", "last-modified"}),
    ):
        for name in ("ETag", "Vary", "Last-Modified", "Content-Type", "Accept-Ranges"):
            if name.lower() not in but and (answer is not unmodified or name in {"ETag", "Vary"}):
                assert answer.headers[name] == whole.headers[name], (answer, name)


def test_no_file_was_modified_later_than_now(url):
    headers = ask(url, "/files/tomorrow").headers
    modified, date = (parsedate_to_datetime(headers[name]) for name in ("Last-Modified", "Date"))
    assert modified <= date
    # Such a date tells nothing: the file may change again until then.
    lines = "Range: bytes=0-4", f"If-Range: {headers['Last-Modified']}"
    assert ask(url, "/files/tomorrow", *lines).status == 200
    now = formatdate(usegmt=True)
    assert ask(url, "/files/tomorrow", f"If-Modified-Since: {now}").status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_other_methods_are_refused_with_those_that_are_allowed(url, method):
    answer = ask(url, "/files/ten", "Content-Length: 0", method=method)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")


PIECES = [
    *("bytes", "=", "-", ",", " ", "\t", "0", "1", "5", "9", "10", "-5", "0-4", "5-", DIGITS),
    *(
        "*",
        '"',
        "W/",
        "w/",
        '"x"',
        "\\",
        ";",
        "\u00fc",
        "%22",
        "GMT",
        DATE,
        LATER,
        EARLIER,
        "{etag}",
    ),
]
FIELDS = (
    "Range",
    "If-Range",
    "If-Match",
    "If-None-Match",
    "If-Modified-Since",
    "If-Unmodified-Since",
)


@pytest.mark.slow
def test_no_header_that_is_made_of_such_pieces_fails(url, etag):
    choose = random.Random(9110)  # noqa: S311
    for _ in range(1000):
        lines = []
        for name in choose.choices(FIELDS, k=choose.randint(1, 4)):
            value = "".join(choose.choices(PIECES, k=choose.randint(0, 6))).replace("{etag}", etag)
            lines.append(f"{name}: {'bytes=' if name == 'Range' else ''}{value}")
        answer = ask(url, "/files/ten", *lines)
        assert answer.status in {200, 206, 304, 412, 416}, lines
        if answer.status == 200:
            assert answer.body == CONTENTS["ten"], lines
        elif answer.status == 206:
            assert all(spans(answer, CONTENTS["ten"])), lines
