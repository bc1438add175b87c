import os
import tracemalloc
from pathlib import Path
from urllib.parse import quote

import pytest

from {{ cookiecutter.package_name }}.contents.folder import (
    Folder,
)
from {{ cookiecutter.package_name }}.contents.listing import (
    list_files,
)

TREE = [
    "a-b.txt",
    "a.txt",
    "a/x.txt",
    "a/y/deep.parquet",
    "a/ü.txt",
    "a0.txt",
    "b/1.txt",
    "größe.csv",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.txt").write_text("secret", encoding="utf-8")
    folder = tmp_path_factory.mktemp("files")
    for path in TREE:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path, encoding="utf-8")
    (folder / "empty").mkdir()
    (folder / "out.txt").symlink_to(outside / "secret.txt")
    (folder / "out").symlink_to(outside)
    (folder / "loop").symlink_to("loop")
    (folder / "up").symlink_to(folder)
    (folder / "nowhere").symlink_to("nothing")
    os.mkfifo(folder / "fifo")
    (folder / "line\nfeed.txt").touch()
    (folder / os.fsdecode(b"not-utf-8-\xff.txt")).touch()
    return folder


@pytest.fixture(scope="module")
def url(serve, folder):
    with serve(FILE_DOWNLOAD_FOLDER=str(folder)) as server:
        yield f"{server.url}/files"


def paths(response) -> list[str]:
    assert response.status_code == 200, response.text
    return [file["path"] for file in response.json()]


def test_the_listing_is_what_downloads_find(http, url):
    files = http.get(url).json()
    assert [file["path"] for file in files] == sorted(TREE)
    for file in files:
        response = http.head(
            f"{url}/{quote(file['path'])}", headers={"Accept-Encoding": "identity"}
        )
        assert response.headers["content-length"] == str(file["size"])
        assert response.headers["etag"] == file["etag"]
        assert response.headers["content-type"].partition(";")[0] == file["media_type"]
        assert file["modified"].endswith("Z")


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"limit": 1}, ["a-b.txt"]),
        ({"after": "a-b.txt", "limit": 2}, ["a.txt", "a/x.txt"]),
        ({"after": "a.txt"}, sorted(TREE)[2:]),
        ({"after": "a/x.txt", "limit": 2}, ["a/y/deep.parquet", "a/ü.txt"]),
        ({"after": "a/y"}, ["a/y/deep.parquet", "a/ü.txt", "a0.txt", "b/1.txt", "größe.csv"]),
        ({"after": "größe.csv"}, []),
        ({"folder": "a"}, ["a/x.txt", "a/y/deep.parquet", "a/ü.txt"]),
        ({"folder": "a/"}, ["a/x.txt", "a/y/deep.parquet", "a/ü.txt"]),
        ({"folder": "a", "after": "a/x.txt", "limit": 1}, ["a/y/deep.parquet"]),
        ({"folder": "a/y"}, ["a/y/deep.parquet"]),
        ({"folder": "empty"}, []),
    ],
)
def test_a_page_is_what_is_below_a_folder_and_behind_a_cursor(http, url, parameters, expected):
    assert paths(http.get(url, params=parameters)) == expected


def test_pages_of_any_size_join_to_the_whole(http, url):
    for limit in range(1, len(TREE) + 1):
        joined: list[str] = []
        while page := paths(http.get(url, params={"limit": limit, "after": "".join(joined[-1:])})):
            joined += page
        assert joined == sorted(TREE)


@pytest.mark.parametrize(
    "place", ["nope", "a.txt", "..", "a/..", "a//y", "/etc", "out", "\0", "loop", "fifo"]
)
def test_what_is_no_folder_is_not_found(http, url, place):
    response = http.get(url, params={"folder": place})
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("query", ["limit=0", "limit=10001", "limit=x", "page=2"])
def test_a_wrong_parameter_is_refused(http, url, query):
    response = http.get(f"{url}?{query}")
    assert response.status_code == 422
    assert query.partition("=")[0] in response.json()["errors"][0]["location"]


def test_a_page_takes_memory_for_its_own_entries_only(tmp_path):
    for number in range(5_000):
        os.close(os.open(tmp_path / f"{number:05}.txt", os.O_CREAT))
    tracemalloc.start()
    try:
        [first, *_] = list_files(Folder(tmp_path), "", "01234.txt", 100)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert first.path == "01235.txt"
    assert most < 200_000  # the names alone take twice as much
