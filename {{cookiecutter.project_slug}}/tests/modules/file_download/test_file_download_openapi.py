import pytest

from tests.streaming.documented import undocumented

FILE, LISTING, ARCHIVE = "/files/{path}", "/files", "/files.zip"
NEWER = {"If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"}
DIGEST = {"Want-Repr-Digest": "sha-256=1"}
ANSWERS = [
    (LISTING, "/files", {}, 200),
    (LISTING, "/files?limit=0", {}, 422),
    (LISTING, "/files?folder=nope", {}, 404),
    (ARCHIVE, "/files.zip?path=a.txt", {}, 200),
    (ARCHIVE, "/files.zip?path=nope", {}, 404),
    (FILE, "/files/a.txt", DIGEST, 200),
    (FILE, "/files/a.txt", {"Range": "bytes=1-2", **DIGEST}, 206),
    (FILE, "/files/a.txt", {"Range": "bytes=0-0,2-3"}, 206),
    (FILE, "/files/a.txt", {"If-None-Match": "*"}, 304),
    (FILE, "/files/nope", {}, 404),
    (FILE, "/files/a.txt", NEWER, 412),
    (FILE, "/files/a.txt", {"Range": "bytes=9-"}, 416),
]


@pytest.mark.parametrize(("path", "asked", "headers", "status"), ANSWERS)
def test_openapi_has_each_answer(http, files, path, asked, headers, status):
    (files.folder / "a.txt").write_text("abcd", encoding="utf-8")
    openapi = http.get(f"{files.server.url}/openapi.json").json()
    answer = http.get(files.server.url + asked, headers=headers)
    assert answer.status_code == status
    assert undocumented(openapi, path, answer) == []
