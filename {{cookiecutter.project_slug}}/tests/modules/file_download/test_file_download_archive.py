import io
import os
import time
import zipfile
from pathlib import Path

import httpx2
import pytest

from tests.streaming.aborted import until_aborted
from tests.streaming.waiting import wait_until

CONTENTS = {
    "a.txt": b"a",
    "empty.bin": b"",
    "sub/b.bin": bytes(range(256)) * 1000,
    "sub/größe 🚲.csv": b"x" * 65536,
    "sub/deeper/c.txt": b"c" * 65537,
}
# What else one system or another would take for something else.
AWKWARD = {
    "CON": "_CON",
    "con.txt": "_con.txt",
    "x/nul.tar.gz": "x/_nul.tar.gz",
    "COM¹.txt": "_COM¹.txt",
    "lpt9": "_lpt9",
    "conin$": "_conin$",
    "confirm.txt": "confirm.txt",
    "com.txt": "com.txt",
    ".. ": "_",
    "-rf": "-rf",
    "%0d%0aX: y": "%0d%0aX_ y",
    "a\u202etxt.exe": "a\u202etxt.exe",
    "..\\..\\evil.sh": ".._.._evil.sh",
    "C:\\evil": "C__evil",
    "what?.txt": "what_.txt",
    "dots../y": "dots_/y",
    "SAME.txt": "SAME.txt",
    "same.txt": "same (2).txt",
    "e\u0301.txt": "e\u0301.txt",
    "é.txt": "é (2).txt",
}


@pytest.fixture(scope="module")
def folder(files) -> Path:
    folder = files.folder
    for path, content in CONTENTS.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    for path in AWKWARD:
        (folder / "awkward" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "awkward" / path).write_text(path, encoding="utf-8")
    (folder / "sub" / "out.txt").symlink_to("/etc/passwd")
    return folder


@pytest.fixture(scope="module")
def url(files, folder) -> str:
    return f"{files.url}.zip"


def unpack(response: httpx2.Response) -> dict[str, bytes]:
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/zip"
    assert response.headers["content-length"] == str(len(response.content))
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize(
    ("parameters", "members", "name"),
    [
        ({"path": list(CONTENTS)}, list(CONTENTS), "files.zip"),
        ({"path": ["sub/b.bin", "a.txt", "a.txt"]}, ["sub/b.bin", "a.txt"], "files.zip"),
        ({"folder": "sub"}, [path for path in CONTENTS if path.startswith("sub/")], "sub.zip"),
        ({"folder": "sub/deeper/"}, ["sub/deeper/c.txt"], "deeper.zip"),
    ],
)
def test_the_archive_has_the_files(http, url, parameters, members, name):
    response = http.get(url, params=parameters)
    assert unpack(response) == {path: CONTENTS[path] for path in members}
    assert response.headers["content-disposition"] == f'attachment; filename="{name}"'


def test_names_are_safe_and_unique_on_every_system(http, url):
    expected = {f"awkward/{name}": path.encode() for path, name in AWKWARD.items()}
    assert unpack(http.get(url, params={"folder": "awkward"})) == expected


def test_head_gives_the_length_alone(http, url):
    head = http.head(url, params={"folder": "sub"})
    get = http.get(url, params={"folder": "sub"})
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("path=a.txt&folder=sub", 422),
        ("path=a.txt&level=9", 422),
        ("path=nope", 404),
        ("path=a.txt&path=../a.txt", 404),
        ("path=sub", 404),
        ("path=sub/out.txt", 404),
        ("folder=nope", 404),
        ("folder=../", 404),
    ],
)
def test_a_wrong_choice_is_refused(http, url, query, status):
    response = http.get(f"{url}?{query}")
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"


def test_more_than_four_gibibytes_are_announced_to_the_byte(http, url, folder):
    with (folder / "huge.bin").open("wb") as file:
        file.truncate(5 * 1024**3)  # takes no space
    for path in ("huge.bin", "huge.bin&path=a.txt"):
        size = int(http.head(f"{url}?path={path}").headers["content-length"])
        assert size > 5 * 1024**3


@pytest.mark.slow
def test_a_large_archive_takes_no_memory(files, folder, url):
    with (folder / "large-member.bin").open("wb") as file:
        file.truncate(256 * 1024**2)
    httpx2.get(f"{url}?path=a.txt")
    before, size = files.server.memory, 0
    with httpx2.stream("GET", f"{url}?path=large-member.bin&path=a.txt", timeout=60) as response:
        for number, chunk in enumerate(response.iter_raw()):
            size += len(chunk)
            if number % 100 == 0:
                assert files.server.memory - before < 16 * 1024 * 1024
    assert size == int(response.headers["content-length"])


def replace(path: Path) -> None:
    path.with_name("new").write_bytes(b"another")
    path.with_name("new").replace(path)


@pytest.mark.parametrize(
    "change",
    [replace, Path.unlink, lambda path: os.truncate(path, 5), lambda path: path.write_bytes(b"no")],
)
def test_a_member_that_changes_aborts_the_connection(url, folder, change):
    for name in ("first.bin", "second.bin"):
        (folder / name).write_bytes(os.urandom(4_000_000))
    time.sleep(0.1)  # they are no longer just written
    with httpx2.stream("GET", f"{url}?path=first.bin&path=second.bin") as response:
        parts = response.iter_raw()
        next(parts)
        change(folder / "second.bin")
        assert sum(map(len, until_aborted(parts))) < 8_000_000


def test_a_client_that_leaves_leaves_no_file_open(files, folder, url):
    (folder / "long.bin").write_bytes(bytes(8_000_000))
    for _ in range(5):
        with httpx2.stream("GET", f"{url}?path=long.bin&path=a.txt") as response:
            next(response.iter_raw())

    def is_closed() -> bool:
        open_files = Path(f"/proc/{files.server.process.pid}/fd").iterdir()
        return not any("long.bin" in os.readlink(file) for file in open_files if file.is_symlink())

    wait_until(is_closed)
