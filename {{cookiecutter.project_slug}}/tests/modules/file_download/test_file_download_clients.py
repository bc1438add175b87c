import hashlib
import os
import signal
import socket
import subprocess
import threading
from base64 import b64encode
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.streaming.hop import hop
from tests.streaming.waiting import wait_until

CLIENTS = ["python/file_download.py", "javascript/file_download.js", "curl/file_download.sh"]
# What resumes when it is called again, and by itself where it can.
TOOLS = {
    "curl": "curl --silent --fail --continue-at - --remote-name",
    "wget": "wget --quiet --continue --tries 1",
    "aria2c": "aria2c --quiet --split 8 --max-connection-per-server 8 --min-split-size 1M "
    "--max-tries 40 --retry-wait 0 --file-allocation none",
}
MEBIBYTE = 1024 * 1024
# A break as seldom as this leaves each call some bytes of progress.
CUTS, CALLS = 12, 40
LINK = """
const link = document.createElement("a");
link.href = arguments[0];
link.download = "";
link.click();
"""


@pytest.fixture
def url(service: str) -> str:
    return f"{service}/files/readings.csv"


@pytest.fixture(scope="module")
def large(files) -> tuple[str, str]:
    """Where a file of 12 MiB is served, beside an empty one, and its SHA-256."""
    content = os.urandom(12 * MEBIBYTE)
    (files.folder / "large.bin").write_bytes(content)
    (files.folder / "empty.csv").touch()
    return files.server.url, hashlib.sha256(content).hexdigest()


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_downloads_the_file(http, run_client, url, client, tmp_path):
    result = run_client(client, url)
    assert result.returncode == 0, result.stderr
    whole = http.get(url).content
    assert (tmp_path / "readings.csv").read_bytes() == whole
    assert result.stderr.splitlines()[-1] == f"Saved readings.csv ({len(whole)} bytes)"
    assert [path.name for path in tmp_path.iterdir()] == ["readings.csv"]


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_downloads_an_empty_file(run_client, large, client, tmp_path):
    result = run_client(client, f"{large[0]}/files/empty.csv")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "empty.csv").read_bytes() == b""


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("missing", [0, 1, 500_000])
def test_a_client_resumes_the_part_that_it_has(http, run_client, url, client, missing, tmp_path):
    whole = http.get(url, headers={"Accept-Encoding": "identity"})
    have = len(whole.content) - missing
    (tmp_path / "readings.csv.part").write_bytes(whole.content[:have])
    (tmp_path / "readings.csv.etag").write_text(whole.headers["etag"], encoding="ascii")
    result = run_client(client, url)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "readings.csv").read_bytes() == whole.content
    assert [path.name for path in tmp_path.iterdir()] == ["readings.csv"]


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_finds_a_part_that_is_damaged(http, run_client, url, client, tmp_path):
    whole = http.get(url, headers={"Accept-Encoding": "identity"})
    part = bytearray(whole.content[:500_000])
    part[0] ^= 1  # it is resumed, and not fetched again: this byte stays
    (tmp_path / "readings.csv.part").write_bytes(part)
    (tmp_path / "readings.csv.etag").write_text(whole.headers["etag"], encoding="ascii")
    result = run_client(client, url)
    assert result.returncode != 0
    assert "SHA-256" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_starts_again_when_the_file_has_changed(http, run_client, url, client, tmp_path):
    (tmp_path / "readings.csv.part").write_bytes(b"of another version")
    (tmp_path / "readings.csv.etag").write_text('"another"', encoding="ascii")
    result = run_client(client, url)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "readings.csv").read_bytes() == http.get(url).content


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    ("status", "is_kept"), [(204, True), (403, True), (404, True), (503, True), (416, False)]
)
def test_a_refusal_leaves_the_part_unless_the_file_has_changed(
    run_client, client, status, is_kept, tmp_path
):
    part, etag = tmp_path / "file.bin.part", tmp_path / "file.bin.etag"
    part.write_bytes(BODY)
    etag.write_text('"1"', encoding="ascii")
    with answering(f"HTTP/1.1 {status} No\r\nConnection: close\r\n\r\n".encode()) as service:
        result = run_client(client, f"{service}/file.bin", limits={"attempts": 2})
    assert result.returncode != 0
    assert etag.exists() == is_kept
    # The last byte, or some, come again; all else does not.
    assert not is_kept or BODY.startswith(part.read_bytes())
    assert not is_kept or part.stat().st_size > len(BODY) - 5


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_takes_a_url_as_it_is(run_client, files, client, tmp_path):
    for name in ("a1.csv", "a2.csv", "a[1-2].csv"):
        (files.folder / name).write_text(name, encoding="ascii")
    result = run_client(client, f"{files.url}/a[1-2].csv")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "a[1-2].csv").read_text(encoding="ascii") == "a[1-2].csv"


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_that_is_refused_saves_no_file(run_client, service, client, tmp_path):
    result = run_client(client, f"{service}/files/nope")
    assert result.returncode != 0
    assert '"status":404' in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_python_client_says_that_it_tries_again(run_client):
    result = run_client("python/file_download.py", "http://127.0.0.1:1/file", "--attempts", "2")
    assert result.returncode == 1
    again, error = result.stderr.splitlines()
    assert again.startswith("Again in")
    assert again.endswith(error)


BODY = b"0123456789" * 1000
DIGEST = f"Repr-Digest: sha-256=:{b64encode(hashlib.sha256(BODY).digest()).decode()}:"
CHUNKED = b"%x\r\n%s\r\n" % (len(BODY), BODY)


@pytest.mark.slow
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    ("head", "body", "takers"),
    [
        (["Content-Length: 10000"], BODY, CLIENTS),
        (["Content-Length: 10000"], BODY[:-1], []),
        (["Content-Length: 10000", DIGEST], BODY[:-1] + b"!", []),
        (['ETag: W/"1"', DIGEST], BODY, CLIENTS),
        (['ETag: "1"', DIGEST], BODY[:-1], []),
        (['ETag: "1"'], BODY, []),  # nobody can tell
        (["Transfer-Encoding: chunked", DIGEST], CHUNKED + b"0\r\n\r\n", CLIENTS),
        # Node takes a break within chunks for their end.
        (["Transfer-Encoding: chunked"], CHUNKED + b"0\r\n\r\n", CLIENTS[::2]),
        (["Transfer-Encoding: chunked"], CHUNKED, []),
    ],
)
def test_a_client_takes_nothing_but_the_whole_file(
    run_client, client, head, body, takers, tmp_path
):
    lines = ["HTTP/1.1 200 OK", *head, "Connection: close", "", ""]
    with answering("\r\n".join(lines).encode() + body) as service:
        result = run_client(client, f"{service}/file.bin", limits={"attempts": 2})
    is_taken, saved = client in takers, tmp_path / "file.bin"
    assert (result.returncode == 0, saved.exists()) == (is_taken, is_taken), result.stderr
    assert not is_taken or saved.read_bytes() == BODY


@contextmanager
def answering(answer: bytes) -> Generator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=answer_all, args=(listener, answer), daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def answer_all(listener: socket.socket, answer: bytes) -> None:
    with suppress(OSError):  # it is closed
        while True:
            with listener.accept()[0] as connection:
                connection.recv(64 * 1024)
                connection.sendall(answer)


@pytest.mark.slow
@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_whose_connection_is_killed_saves_the_file_or_fails(http, kill, url, client):
    def saved(killed):
        path = killed.folder / "readings.csv"
        return path.read_bytes() if path.exists() else None

    kill(http.get(url).content, saved, client, "/files/readings.csv")


@pytest.mark.slow
@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_that_is_killed_resumes(client_command, run_client, large, client, tmp_path):
    service, digest = large
    for _ in range(3):
        kill_within(service, client_command, client, tmp_path)
    result = run_client(client, f"{service}/files/large.bin")
    assert result.returncode == 0, result.stderr
    assert sha256(tmp_path / "large.bin") == digest
    assert [path.name for path in tmp_path.iterdir()] == ["large.bin"]


def kill_within(service: str, client_command, client: str, folder: Path) -> None:
    """Let a client download some more bytes, and kill it and all that it has started."""
    part = folder / "large.bin.part"
    least = (part.stat().st_size if part.exists() else 0) + MEBIBYTE // 2
    place = range(MEBIBYTE, 3 * MEBIBYTE)
    with (
        hop(service, cuts=1, cut_after=place, stalls=True) as proxy,
        subprocess.Popen(
            client_command(client, f"{proxy}/files/large.bin"),
            cwd=folder,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as process,
    ):
        try:
            wait_until(lambda: part.exists() and part.stat().st_size >= least, 20)
        finally:
            os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.parametrize("tool", TOOLS)
def test_a_download_that_breaks_anywhere_ends_with_the_same_bytes(
    run, require, large, tool, tmp_path
):
    service, digest = large
    require(tool)
    with hop(service, cuts=CUTS, cut_after=range(3 * MEBIBYTE)) as proxy:
        for _ in range(CALLS):
            result = run(*TOOLS[tool].split(), f"{proxy}/files/large.bin")
            if result.returncode == 0:
                break
    assert result.returncode == 0, result.stderr
    assert sha256(tmp_path / "large.bin") == digest


@pytest.mark.slow
def test_a_browser_resumes_what_it_saves(browser, large, tmp_path):
    """By itself, from the strong ETag; Chromium tries five times."""
    service, digest = large
    saving = {"behavior": "allow", "downloadPath": str(tmp_path)}
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", saving)
    saved = tmp_path / "large.bin"
    with hop(service, cuts=3, cut_after=range(3 * MEBIBYTE)) as proxy:
        browser.get(f"{proxy}/healthz")
        browser.execute_script(LINK, f"{proxy}/files/large.bin")
        wait_until(lambda: list(tmp_path.iterdir()) == [saved], seconds=30)
    assert sha256(saved) == digest


@pytest.mark.slow
def test_a_page_whose_connection_is_killed_has_the_file(kill_in_browser):
    script = """
        const cursor = {};
        const parts = [];
        for await (const chunk of client.downloadChunks("/files/readings.csv", { cursor, ...limits })) {
          parts.push(chunk);
          if (cursor.have > 500_000) break;
        }
        const kept = JSON.parse(JSON.stringify(cursor));
        for await (const chunk of client.downloadChunks("/files/readings.csv", { cursor: kept, ...limits })) {
          parts.push(chunk);
        }
        const bytes = await new Blob(parts).arrayBuffer();
        const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
        return [bytes.byteLength, kept.total, btoa(String.fromCharCode(...digest)), kept.digest];
    """
    for length, total, digest, expected in kill_in_browser("file_download.js", script):
        assert (length, digest) == (total, expected)


@pytest.mark.slow
def test_a_page_saves_to_disk_and_goes_on_with_what_is_there(http, in_browser, url):
    script = """
        const url = "/files/readings.csv";
        const folder = await navigator.storage.getDirectory();
        const handle = await folder.getFileHandle("readings.csv", { create: true });
        const controller = new AbortController();
        const options = { signal: controller.signal, onProgress: () => controller.abort(new Error("paused")) };
        const paused = await client.saveTo(handle, url, options).catch((error) => error.message);
        const kept = (await handle.getFile()).size;
        const ranges = [];
        const fetch = (target, init) => {
          ranges.push(init.headers.get("Range"));
          return globalThis.fetch(target, init);
        };
        const { size } = await client.saveTo(handle, url, { fetch });
        const again = await client.saveTo(handle, url);
        return [paused, kept, ranges, size, await again.text()];
    """
    paused, kept, ranges, size, text = in_browser("file_download/disk.js", script)
    whole = http.get(url).content
    assert paused == "paused"
    assert 0 < kept < len(whole)
    assert ranges == [f"bytes={kept}-"]
    assert size == len(whole)
    assert text.encode() == whole


@pytest.mark.slow
def test_clients_wait_as_long_as_the_server_asks(put_off):
    put_off(*((client, "/files/readings.csv") for client in CLIENTS))
