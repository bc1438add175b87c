import hashlib
import os
from base64 import b64encode
from pathlib import Path

import pytest

from {{ cookiecutter.package_name }}.contents.digests import (
    LARGE_BYTES,
)

from tests.streaming.waiting import wait_until

CONTENT = b"0123456789" * 10_000


@pytest.fixture(scope="module")
def folder(files) -> Path:
    folder = files.folder / "digests"
    folder.mkdir()
    (folder / "data.bin").write_bytes(CONTENT)
    return folder


@pytest.fixture(scope="module")
def url(files, folder) -> str:
    return f"{files.url}/{folder.name}"


def repr_digest(content: bytes) -> str:
    return f"sha-256=:{b64encode(hashlib.sha256(content).digest()).decode()}:"


@pytest.mark.parametrize(
    ("wanted", "is_sent"),
    [
        (["sha-256=10"], True),
        (["sha-256=1"], True),
        (["sha-512=3, sha-256=10, unixsum=0"], True),
        (["sha-512=3", "sha-256=10"], True),
        (["sha-256=5;foo=bar"], True),
        (["sha-256=3, sha-256=0"], False),
        (["sha-256=0"], False),
        (["sha-256=11"], False),
        (["sha-256=-1"], False),
        (["sha-256=1.5"], False),
        (["sha-256"], False),
        (["sha-256=?1"], False),
        (["sha-256=(1)"], False),
        (["SHA-256=10"], False),
        (["sha-512=10"], False),
        (["sha-256=10,"], False),
        ([""], False),
        ([], False),
    ],
)
def test_a_digest_is_sent_where_it_is_wanted(http, url, wanted, is_sent):
    headers = [("Want-Repr-Digest", value) for value in wanted]
    response = http.get(f"{url}/data.bin", headers=headers)
    assert response.content == CONTENT
    assert response.headers.get("repr-digest") == (repr_digest(CONTENT) if is_sent else None)


@pytest.mark.parametrize(
    ("method", "headers"),
    [("HEAD", {}), ("GET", {"Range": "bytes=5-9"}), ("GET", {"Range": "bytes=0-1,5-9"})],
)
def test_it_is_of_the_whole_file_whatever_is_sent(http, url, method, headers):
    headers |= {"Want-Repr-Digest": "sha-256=10"}
    response = http.request(method, f"{url}/data.bin", headers=headers)
    assert response.headers["repr-digest"] == repr_digest(CONTENT)


def test_it_is_of_the_version_that_is_sent(http, url, folder):
    for number in range(20):
        content = os.urandom(1000)
        (folder / "new").write_bytes(content)
        os.replace(folder / "new", folder / "changing.bin")
        response = http.get(f"{url}/changing.bin", headers={"Want-Repr-Digest": "sha-256=10"})
        assert response.content == content, number
        assert response.headers["repr-digest"] == repr_digest(content)


def test_it_is_of_what_is_sent_while_the_file_grows(http, url, folder):
    with (folder / "growing.log").open("wb", buffering=0) as file:
        for _ in range(50):
            file.write(os.urandom(100_000))
            response = http.get(
                f"{url}/growing.log",
                headers={"Want-Repr-Digest": "sha-256=10", "Accept-Encoding": "identity"},
            )
            said = response.headers.get("repr-digest", repr_digest(response.content))
            assert said == repr_digest(response.content)


def test_a_file_that_takes_long_is_not_waited_for(http, url, folder):
    def digest_of(name: str) -> str | None:
        headers = {"Want-Repr-Digest": "sha-256=10", "Range": "bytes=0-9"}
        response = http.get(f"{url}/{name}", headers=headers)
        assert len(response.content) == 10
        return response.headers.get("repr-digest")

    sizes = {"large.bin": 64 * 1024**3, "less-large.bin": LARGE_BYTES + 1}
    for name, size in sizes.items():
        with (folder / name).open("wb") as file:
            file.truncate(size)  # takes no space; the first, minutes to digest
    assert digest_of("large.bin") is None
    assert digest_of("data.bin")
    assert digest_of("less-large.bin") is None
    os.truncate(folder / "large.bin", 10)  # nobody needs its digest any more: the next one's turn
    wait_until(lambda: digest_of("less-large.bin") is not None, seconds=30)
