"""Which paths there are, whatever is written into a request, and what their files are called."""

import os
import random
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.modules.file_download.raw import ask

SECRET = b"secret"
CONTENT = b"0123456789"
NAMES = [
    "data.bin",
    "sub/deep/data.bin",
    "with space.txt",
    "percent%41.txt",
    "question?.txt",
    "hash#.txt",
    "semi;colon.txt",
    "back\\slash.txt",
    'quote".txt',
    "plus+.txt",
    "...",
    "..hidden",
    ".dot",
    "CON",
    "aux.txt",
    "Füllstand.html",
    "Fu\u0308llstand.html",
    "no\u00a0break.txt",
    "\u6c34\u4f4d.csv",
    "\U0001f30a.csv",
    "\ufffd.txt",
    "~",
    "x" * 255,
]
UNFIT = [b"line\nfeed", b"tab\t", b"bell\x07", b"not-utf-8-\xff", "next\x85line".encode()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.txt").write_bytes(SECRET)
    folder = outside / "root"
    folder.mkdir()
    for name in NAMES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(CONTENT)
    for name in UNFIT:
        (folder / os.fsdecode(name)).write_bytes(CONTENT)
    (folder / "in.txt").symlink_to("sub/deep/data.bin")
    (folder / "in").symlink_to("sub/deep")
    (folder / "round.txt").symlink_to(folder.parent / "root" / "data.bin")
    (folder / "out.txt").symlink_to("../secret.txt")
    (folder / "out").symlink_to("..")
    (folder / "root").symlink_to("/")
    (folder / "loop").symlink_to("loop")
    (folder / "nowhere").symlink_to("nothing")
    (folder / "null").symlink_to("/dev/null")
    (folder / "zero").symlink_to("/dev/zero")
    (folder / "memory").symlink_to("/proc/self/mem")
    os.mkfifo(folder / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        # The whole path would be too long for an address.
        directory = os.open(folder, os.O_RDONLY)
        listener.bind(f"/proc/self/fd/{directory}/socket")
        os.close(directory)
    (folder.parent / "root-of-another").mkdir()
    (folder.parent / "root-of-another" / "secret.txt").write_bytes(SECRET)
    (folder / "beside.txt").symlink_to("../root-of-another/secret.txt")
    return folder


@pytest.fixture(scope="module")
def url(serve: Any, folder: Path) -> Iterator[str]:
    with serve(FILE_DOWNLOAD_FOLDER=str(folder)) as server:
        yield server.url


@pytest.mark.parametrize("path", [*NAMES, "in.txt", "in/data.bin", "round.txt"])
def test_a_file_of_any_name_is_served(url, path):
    answer = ask(url, f"/files/{quote(path)}")
    assert (answer.status, answer.body) == (200, CONTENT)


@pytest.mark.parametrize(
    "path",
    [
        # What is there, but no file of the folder
        *("sub", "sub/", "sub/deep", "in", "in/", "fifo", "socket", "null", "zero", "memory"),
        *("out.txt", "out/secret.txt", "beside.txt", "root/etc/passwd"),
        *("loop", "loop/x", "nowhere", "nothing", "data.bin/x", "sub/nothing"),
        *(quote(name) for name in UNFIT),
        # Other ways to write a path
        *("data.bin/", "data.bin//", "data.bin/.", "data.bin%2f", "data.bin/..", "./data.bin"),
        *("/data.bin", "//data.bin", "sub//deep/data.bin", "sub/./deep/data.bin", "sub/../data.bin"),
        *("%2e/data.bin", "sub/%2e%2e/data.bin", "sub%2f..%2fdata.bin", "sub/deep/../../data.bin"),
        # Ways out
        *("../secret.txt", "../root/data.bin", "..%2fsecret.txt", "%2e%2e/secret.txt", ".."),
        *("%2e%2e%2fsecret.txt", "..%5csecret.txt", "..\\secret.txt", "sub/../../secret.txt"),
        *("%252e%252e/secret.txt", "..%252fsecret.txt", "%2e%2e%2froot%2fdata.bin", "....//secret.txt"),
        *("..;/secret.txt", "..%00/secret.txt", "..%0d%0a/secret.txt", "%2e%2e%c0%afsecret.txt"),
        *("%c0%ae%c0%ae/secret.txt", "%e0%80%ae%e0%80%ae/secret.txt", "%uff0e%uff0e/secret.txt"),
        *("%e2%80%a4%e2%80%a4/secret.txt", "%ef%bc%8e%ef%bc%8e/secret.txt", "..%e2%88%95secret.txt"),
        *("/etc/passwd", "//etc/passwd", "%2fetc%2fpasswd", "C:/Windows/win.ini", "C:%5cWindows"),
        *("file:///etc/passwd", "~/secret.txt", "~root", "$HOME", "`id`", "|id", "*", "?"),
        *("%252e%252e%252fsecret.txt", "%25252e%25252e/secret.txt", "..%25%32%66secret.txt"),
        *("%2E%2E/secret.txt", "%2e./secret.txt", ".%2e/secret.txt", "..%2F..%2f..%2fetc%2fpasswd"),
        *("..\\..\\secret.txt", "..%5C..%5Csecret.txt", "..%5c/secret.txt", "..%255csecret.txt"),
        *("%f0%80%80%ae%f0%80%80%ae/secret.txt", "%f8%80%80%80%ae/x", "%c0%2e%c0%2e/secret.txt"),
        *("..%u2215secret.txt", "%u002e%u002e/secret.txt", "..%ef%bc%8fsecret.txt", "..%c1%9csecret.txt"),
        *(".../secret.txt", "..../secret.txt", ".. /secret.txt".replace(" ", "%20"), "%20../secret.txt"),
        *("..%09/secret.txt", "..%0b/secret.txt", "..%7f/secret.txt", "..%e2%80%8b/secret.txt", "%00/etc/passwd"),
        *("..%00/..%00/etc/passwd", "..%0a/secret.txt", "..%0d%0aX:%20y/secret.txt", "%e2%80%ae../secret.txt"),
        *("c:secret.txt", "C:%2fWindows", "%5c%5chost%5cshare", "%2f%2fhost/share", "%5c%5c.%5cC:", "%5c%3f%3f%5cC:"),
        *("..%3b/secret.txt", "..;x=y/secret.txt", "out%2fsecret.txt", "out%2f..%2fsecret.txt", "in/../../secret.txt"),
        *("proc/self/environ", "root/proc/self/environ", "root%2fetc%2fpasswd", "dev/stdin", "root/dev/zero"),
        # What no file system takes
        *("%00", "data.bin%00", "data.bin%00.txt", "%00data.bin", "%ff", "data%ff.bin", "%ed%a0%80"),
        *("data.bin%0a", "data.bin%0d", "data.bin%20", "data.bin.", "DATA.BIN", "data.bin::$DATA"),
        *("CON.", "con%20", "aux.txt.", "LPT1.txt", "COM%c2%b9", "CONIN$", "PRN:", "nul%2etxt", "CLOCK$"),
        *("data.bin..", "data.bin%20.", "data.bin%2e", "data.bin:x", "data.bin%3a%3a$DATA", "sub.", "sub%20/x"),
        *("%80", "%fe%ff", "%f5%80%80%80", "%ed%a0%80%ed%b0%80", "%f4%90%80%80", "%c3", "data%c3.bin", "%e2%82"),
        *("x" * 256, "x/" * 3000, "%41" * 3000, "NUL", "COM1", "data.bin%", "%zz", "%", "%2"),
    ],
)  # fmt: skip
def test_what_is_no_file_of_the_folder_is_not_found(url, path):
    for method in "GET", "HEAD":
        answer = ask(url, f"/files/{path}", method=method)
        assert answer.status == 404
        assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path", ["\u2024\u2024/secret.txt", "data.bin\t", "data.bin\x00", "data bin"]
)
def test_what_no_url_has_in_it_is_no_request(url, path):
    assert ask(url, f"/files/{path}").status == 400


@pytest.mark.slow
def test_nothing_that_is_made_of_such_pieces_leads_out_or_fails(url):
    choose = random.Random(110)  # noqa: S311
    pieces = [
        *("..", ".", "/", "//", "\\", "%2e", "%2E", "%2f", "%5c", "%00", "%0a", "%ff", "%c0%ae", "%"),
        *("secret.txt", "root", "sub", "deep", "data.bin", "out", "in", "loop", "fifo", "memory"),
        *("etc/passwd", "root-of-another", ";", "?", "#", "*", "~", " ", "\u00fc", "\u2024", "x" * 300),
    ]  # fmt: skip
    for _ in range(1000):
        path = "".join(choose.choices(pieces, k=choose.randint(1, 8)))
        answer = ask(url, f"/files/{path}".replace(" ", "%20"))
        assert answer.status in {200, 400, 404, 405, 307}, path
        assert SECRET not in answer.body, path
        if answer.status == 200 and not answer.headers["Content-Type"].startswith(
            "application/json"
        ):
            assert answer.body == CONTENT, path


# What the header says, in the two ways of RFC 6266.
@pytest.mark.parametrize(
    ("name", "plain", "exact"),
    [
        ("data.bin", "data.bin", None),
        ("with space.txt", "with space.txt", None),
        ("semi;colon.txt", "semi;colon.txt", None),
        ("sub/deep/data.bin", "data.bin", None),
        ('quote".txt', "quote_.txt", "quote%22.txt"),
        ("back\\slash.txt", "back_slash.txt", "back%5Cslash.txt"),
        ("percent%41.txt", "percent_41.txt", "percent%2541.txt"),
        ("Füllstand.html", "F_llstand.html", "F%C3%BCllstand.html"),
        ("\u6c34\u4f4d.csv", "__.csv", "%E6%B0%B4%E4%BD%8D.csv"),
    ],
)
def test_the_name_to_save_it_under(url, name, plain, exact):
    header = ask(url, f"/files/{quote(name)}").headers["Content-Disposition"]
    assert header == f'attachment; filename="{plain}"' + (
        f"; filename*=UTF-8''{exact}" if exact else ""
    )


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("a.csv", "text/csv; charset=utf-8"),
        ("a.html", "text/html; charset=utf-8"),
        ("a.json", "application/json"),
        ("a.jsonl", "application/jsonl"),
        ("a.parquet", "application/vnd.apache.parquet"),
        ("a.csv.gz", "application/gzip"),
        ("a.csv.zst", "application/zstd"),
        ("a.csv.br", "application/octet-stream"),
        ("a.unheard-of", "application/octet-stream"),
        ("a", "application/octet-stream"),
    ],
)
def test_its_type(url, folder, name, media_type):
    (folder / name).write_bytes(CONTENT)
    headers = ask(url, f"/files/{name}").headers
    assert headers["Content-Type"] == media_type
    assert "Content-Encoding" not in headers
    assert headers["X-Content-Type-Options"] == "nosniff"
