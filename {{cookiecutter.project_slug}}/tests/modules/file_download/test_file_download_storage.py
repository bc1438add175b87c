import hashlib
import os
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import quote

import httpx2
import obstore
import pytest
from pydantic import ValidationError

from {{ cookiecutter.package_name }}.modules.file_download.settings import (
    FileDownloadSettings,
)

from tests.contents.stores import Store, credentials, make_bucket, nginx_with, seaweed
from tests.streaming.aborted import until_aborted
from tests.streaming.hop import hop

pytestmark = pytest.mark.slow  # three services, a store and nginx

CONTENTS = {
    "data.bin": bytes(range(256)) * 1000,
    "empty.txt": b"",
    "sub/größe ü%20#?&.csv": b"x,y\n" * 1000,
    "sub/deeper/c.txt": b"c",
}
LARGE = os.urandom(24_000_000)
SITE = """
        root ROOT;
        location /no-ranges/ { alias ROOT/; max_ranges 0; }
        location /no-validators/ { alias ROOT/; etag off; add_header Last-Modified ""; }
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    for path, content in (CONTENTS | {"large.bin": LARGE}).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def upstream(require, folder, tmp_path_factory) -> Iterator[Store]:
    site = SITE.replace("ROOT", str(folder))
    with nginx_with(require("nginx"), tmp_path_factory.mktemp("nginx"), site) as store:
        yield store


@pytest.fixture(scope="module")
def bucket(folder, tmp_path_factory) -> Iterator[Store]:
    """S3 with a bucket, and the files of `folder` below `folder/` there."""
    with seaweed(tmp_path_factory.mktemp("seaweed")) as store:
        there = make_bucket(store)
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            obstore.put(there, f"folder/{path.relative_to(folder).as_posix()}", path.read_bytes())
        yield store


def environment(store: Store) -> dict[str, str]:
    return {**credentials(store), "FILE_DOWNLOAD_STORAGE_URL": "s3://bucket/folder"}


@pytest.fixture(scope="module")
def services(serve, folder, upstream, bucket) -> Iterator[dict[str, str]]:
    """The URL of a service for each kind of storage; all have the same files."""
    url = "FILE_DOWNLOAD_STORAGE_URL"
    with (
        serve(**{url: folder.as_uri()}) as local,
        serve(**{url: upstream.url}) as http,
        serve(**environment(bucket)) as s3,
    ):
        yield {"file": local.url, "http": http.url, "s3": s3.url}


@pytest.fixture(params=["file", "http", "s3"])
def url(request, services) -> str:
    return f"{services[request.param]}/files"


@pytest.mark.parametrize("path", CONTENTS)
def test_an_object_comes_whole(http, url, path):
    response = http.get(f"{url}/{quote(path)}", headers={"Accept-Encoding": "identity"})
    assert (response.status_code, response.content) == (200, CONTENTS[path])
    assert response.headers["content-length"] == str(len(CONTENTS[path]))
    assert response.headers["accept-ranges"] == "bytes"
    assert parsedate_to_datetime(response.headers["last-modified"]).year > 2000
    head = http.head(f"{url}/{quote(path)}", headers={"Accept-Encoding": "identity"})
    assert head.headers["etag"] == response.headers["etag"]


@pytest.mark.parametrize(
    ("headers", "status", "body"),
    [
        ({"Range": "bytes=0-9"}, 206, CONTENTS["data.bin"][:10]),
        ({"Range": "bytes=-7"}, 206, CONTENTS["data.bin"][-7:]),
        ({"Range": "bytes=200000-"}, 206, CONTENTS["data.bin"][200_000:]),
        ({"Range": "bytes=256000-"}, 416, None),
        ({"Range": "bytes=0-9", "If-Range": "ETAG"}, 206, CONTENTS["data.bin"][:10]),
        ({"Range": "bytes=0-9", "If-Range": '"another"'}, 200, CONTENTS["data.bin"]),
        ({"If-None-Match": "ETAG"}, 304, b""),
        ({"If-None-Match": '"another"'}, 200, CONTENTS["data.bin"]),
        ({"If-Match": "ETAG"}, 200, CONTENTS["data.bin"]),
        ({"If-Match": '"another"'}, 412, None),
        ({"If-Modified-Since": "Fri, 01 Jan 2038 00:00:00 GMT"}, 304, b""),
        ({"If-Unmodified-Since": "Fri, 01 Jan 2010 00:00:00 GMT"}, 412, None),
    ],
)
def test_ranges_and_preconditions_are_those_of_a_file(http, url, headers, status, body):
    etag = http.head(f"{url}/data.bin").headers["etag"]
    headers = {name: value.replace("ETAG", etag) for name, value in headers.items()}
    response = http.get(f"{url}/data.bin", headers=headers)
    assert response.status_code == status
    assert body is None or response.content == body
    if status == 416:
        assert response.headers["content-range"] == "bytes */256000"


def test_several_ranges_are_a_multipart(http, url):
    response = http.get(f"{url}/data.bin", headers={"Range": "bytes=0-9,100-109"})
    assert response.status_code == 206
    assert CONTENTS["data.bin"][:10] in response.content
    assert response.content.count(b"Content-Range: bytes ") == 2


@pytest.mark.parametrize("path", ["nope", "sub", "sub/", "%2e%2e/x", "a//b", "%00", "%ff"])
def test_what_is_not_there_is_not_found(http, url, path):
    response = http.get(f"{url}/{path}")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("kind", ["file", "s3"])
def test_a_store_is_listed_in_pages(http, services, kind):
    url, joined = f"{services[kind]}/files", []
    while page := http.get(url, params={"limit": 2, "after": "".join(joined[-1:])}).json():
        joined += [file["path"] for file in page]
    assert sorted(joined) == sorted([*CONTENTS, "large.bin"])
    below = http.get(url, params={"folder": "sub"}).json()
    assert {file["path"] for file in below} == {path for path in CONTENTS if path[:4] == "sub/"}
    etag = http.head(f"{url}/sub/deeper/c.txt").headers["etag"]
    assert etag in {file["etag"] for file in below}


# As Azure answers (Azurite 3.37): in a listing, a tag has no quotes.
AZURE = """
        location = /devstoreaccount1/bucket {
            return 200 '<EnumerationResults><Blobs><Blob><Name>data.bin</Name><Properties>
                <Last-Modified>Fri, 01 Jan 2010 00:00:00 GMT</Last-Modified>
                <Content-Length>SIZE</Content-Length><Content-Type/><Etag>TAG</Etag>
                </Properties></Blob></Blobs></EnumerationResults>';
        }
        location /devstoreaccount1/bucket/ { alias FOLDER/; }
"""


def test_a_listing_has_the_tags_of_downloads_where_a_store_has_others(
    http, serve, require, folder, tmp_path
):
    about = (folder / "data.bin").stat()
    tag = f"{int(about.st_mtime):x}-{about.st_size:x}"  # nginx's own
    site = AZURE.replace("SIZE", str(about.st_size)).replace("TAG", tag)
    with nginx_with(require("nginx"), tmp_path, site.replace("FOLDER", str(folder))) as store:
        azure = {"AZURE_STORAGE_USE_EMULATOR": "true", "AZURITE_BLOB_STORAGE_URL": store.url}
        with serve(FILE_DOWNLOAD_STORAGE_URL="az://bucket", **azure) as server:
            [listed] = http.get(f"{server.url}/files").json()
            response = http.get(f"{server.url}/files/data.bin")
    assert response.content == CONTENTS["data.bin"]
    assert listed["etag"] == response.headers["etag"] == f'"{tag}"'


def test_a_store_that_cannot_list_says_so(http, services):
    assert http.get(f"{services['http']}/files").status_code == 503


@pytest.mark.parametrize("kind", ["file", "s3"])
@pytest.mark.parametrize("place", ["..", "sub/..", "/etc", "a//b", "\0", "./sub"])
def test_what_is_no_folder_is_not_listed(http, services, kind, place):
    for path in "files", "files.zip":
        response = http.get(f"{services[kind]}/{path}", params={"folder": place})
        assert response.status_code == 404 or response.json() == []


@pytest.mark.parametrize("kind", ["file", "s3"])
@pytest.mark.parametrize("after", ["..", "/", "a//b", "\0", "%00", "\U0010ffff", " ", "~"])
def test_any_text_is_a_cursor(http, services, kind, after):
    response = http.get(f"{services[kind]}/files", params={"after": after})
    if response.status_code != 404:  # a store has no place for what is no path
        assert [file for file in response.json() if file["path"] <= after] == []


def test_objects_are_archived(http, url):
    response = http.get(f"{url}.zip?path=data.bin&path=empty.txt")
    assert response.status_code == 200
    assert response.headers["content-length"] == str(len(response.content))
    assert CONTENTS["data.bin"] in response.content


@pytest.mark.parametrize(
    ("place", "status", "absent"),
    [("no-ranges", 200, "content-range"), ("no-validators", 206, "last-modified")],
)
def test_an_upstream_without_something_is_served_without_it(
    http, serve, upstream, place, status, absent
):
    with serve(FILE_DOWNLOAD_STORAGE_URL=f"{upstream.url}/{place}/") as server:
        response = http.get(f"{server.url}/files/data.bin", headers={"Range": "bytes=0-9"})
    assert response.status_code == status
    assert response.content == CONTENTS["data.bin"][: 10 if status == 206 else None]
    assert absent not in response.headers
    assert response.headers["accept-ranges"] == ("bytes" if status == 206 else "none")


def test_a_body_that_breaks_goes_on_where_it_was(http, serve, upstream):
    with (
        hop(upstream.url, cuts=3, cut_after=range(1, 5_000_000)) as proxy,
        serve(FILE_DOWNLOAD_STORAGE_URL=proxy) as server,
    ):
        response = http.get(f"{server.url}/files/large.bin")
    assert hashlib.sha256(response.content).digest() == hashlib.sha256(LARGE).digest()


def test_a_store_that_is_killed_midway_aborts_the_download(
    services, upstream, run_client, tmp_path
):
    url = f"{services['http']}/files/large.bin"
    received, etag = read_until_killed(url, upstream)
    upstream.start()
    (tmp_path / "large.bin.part").write_bytes(received)
    (tmp_path / "large.bin.etag").write_text(etag, encoding="ascii")
    result = run_client("python/file_download.py", url, "--attempts", "20")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "large.bin").read_bytes() == LARGE


def read_until_killed(url: str, store: Store) -> tuple[bytes, str]:
    """The part of `large.bin` that comes when its store is killed, and its ETag."""
    with httpx2.stream("GET", url, timeout=60) as response:
        parts = response.iter_raw()
        received = next(parts)
        store.kill()
        received += b"".join(until_aborted(parts))
    assert received == LARGE[: len(received)]
    assert len(received) < len(LARGE)
    return received, response.headers["etag"]


def test_a_presigned_url_takes_the_download_off_the_service(http, serve, bucket):
    settings = environment(bucket) | {"FILE_DOWNLOAD_PRESIGNED_SECONDS": "60"}
    with serve(**settings) as server:
        path = quote("sub/größe ü%20#?&.csv")
        response = http.get(f"{server.url}/files/{path}", headers={"Range": "bytes=0-3"})
        assert response.status_code == 307
        assert response.headers["location"].startswith(bucket.url)
        assert "no-store" in response.headers["cache-control"]
        assert http.get(f"{server.url}/files/nope").status_code == 404
    part = http.get(response.headers["location"], headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, b"x,y\n")


def test_a_store_that_has_gone_is_a_problem(http, services, bucket):
    """The last test with this store: it takes long to start again."""
    url = f"{services['s3']}/files"
    read_until_killed(f"{url}/large.bin", bucket)
    for path in "/data.bin", "", ".zip?path=data.bin":
        response = httpx2.get(url + path, timeout=60)
        assert response.status_code == 503
        assert response.headers["content-type"] == "application/problem+json"


PROXY = """
        location / { proxy_pass SERVICE; }
        location /protected/ {
            internal;
            alias FOLDER/;
            add_header X-Content-Type-Options nosniff;
        }
"""


def test_nginx_sends_the_files_where_it_has_a_location_for_them(
    http, serve, require, folder, tmp_path
):
    accel = {"FILE_DOWNLOAD_FOLDER": str(folder), "FILE_DOWNLOAD_ACCEL_LOCATION": "/protected/"}
    path = "sub/größe ü%20#?&.csv"
    with serve(**accel) as server:
        site = PROXY.replace("SERVICE", server.url).replace("FOLDER", str(folder))
        with nginx_with(require("nginx"), tmp_path, site) as nginx:
            url = f"{nginx.url}/files/{quote(path)}"
            response = http.get(url)
            assert response.content == CONTENTS[path]
            assert response.headers["content-type"] == "text/csv; charset=utf-8"
            assert response.headers["content-disposition"].startswith("attachment")
            assert response.headers["x-content-type-options"] == "nosniff"
            part = http.get(url, headers={"Range": "bytes=0-3"})
            assert (part.status_code, part.content) == (206, b"x,y\n")
            etag = {"If-None-Match": response.headers["etag"]}
            assert http.get(url, headers=etag).status_code == 304
            assert http.head(url).headers["content-length"] == str(len(CONTENTS[path]))
            assert http.get(f"{nginx.url}/files/nope").status_code == 404
            assert http.get(f"{nginx.url}/protected/data.bin").status_code == 404
        assert http.get(f"{server.url}/files/data.bin").content == b""


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"STORAGE_URL": "ftp://example.com"}, "STORAGE_URL"),
        ({"STORAGE_URL": "file:///nope"}, "STORAGE_URL"),
        ({"PRESIGNED_SECONDS": "60"}, "PRESIGNED_SECONDS"),
        ({"STORAGE_URL": "https://example.com", "PRESIGNED_SECONDS": "60"}, "PRESIGNED_SECONDS"),
        ({"STORAGE_URL": "s3://bucket", "PRESIGNED_SECONDS": "0"}, "PRESIGNED_SECONDS"),
        ({"STORAGE_URL": "s3://bucket", "ACCEL_LOCATION": "/x/"}, "ACCEL_LOCATION"),
        ({"ACCEL_LOCATION": "x"}, "ACCEL_LOCATION"),
    ],
)
def test_a_storage_that_cannot_be_is_refused(monkeypatch, settings, named):
    for name, value in settings.items():
        monkeypatch.setenv(f"FILE_DOWNLOAD_{name}", value)
    with pytest.raises(ValidationError) as refused:
        FileDownloadSettings()
    assert [error["loc"] for error in refused.value.errors()] == [(named.lower(),)]
