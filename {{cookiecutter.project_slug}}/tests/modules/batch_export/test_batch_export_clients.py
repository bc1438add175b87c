import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import quote

import httpx2
import pyarrow.parquet as pq
import pytest

from tests.modules.batch_export.jobs import sizes_of, wait_until
from tests.streaming.hop import busy_hop, hop

FORMATS = ["csv", "jsonl", "parquet", "arrow"]


@pytest.fixture
def url(service: str) -> str:
    return f"{service}/exports/readings"


def expected(http: httpx2.Client, url: str, format: str) -> bytes:
    query = httpx2.URL(url).copy_merge_params({"format": format, "end": "true"})
    return http.get(query).content


@pytest.mark.parametrize("format", FORMATS)
def test_the_python_client_saves_every_format(http, run_client, url, format, tmp_path):
    result = run_client("python/batch_export.py", url, "--format", format)
    check_saved(result, tmp_path / f"readings.{format}", expected(http, url, format))


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("client", ["javascript/batch_export.js", "curl/batch_export.sh"])
def test_the_other_clients_save_every_format(http, run_client, url, client, format, tmp_path):
    result = run_client(client, url, format)
    check_saved(result, tmp_path / f"readings.{format}", expected(http, url, format))


CLIENTS = {
    "python/batch_export.py": ["--format"],
    "javascript/batch_export.js": [],
    "curl/batch_export.sh": [],
}


@pytest.fixture(scope="module")
def in_segments(serve_own, tmp_path_factory) -> Iterator[str]:
    storage = tmp_path_factory.mktemp("exports").as_uri()
    settings = {"BATCH_EXPORT_SEGMENT_BYTES": "1000000", "BATCH_EXPORT_STORAGE_URL": storage}
    with serve_own(**settings, DEMO_ROWS="1000") as server:
        yield server.url


@pytest.mark.parametrize(
    ("client", "format"),
    [*((client, "csv") for client in CLIENTS), ("python/batch_export.py", "jsonl")],
)
def test_segments_are_joined_into_the_file_of_the_direct_export(
    http, run_client, in_segments, client, format, tmp_path
):
    url = f"{in_segments}/exports/readings"
    how = [] if format == "csv" else ["--job"]
    result = run_client(client, *how, url, *CLIENTS[client], format)
    check_saved(
        result, tmp_path / f"readings.{format}", http.get(url + f"?format={format}").content
    )
    assert [path.name for path in tmp_path.iterdir()] == [f"readings.{format}"]


@pytest.mark.parametrize("client", CLIENTS)
def test_other_segments_are_a_folder(run_client, in_segments, client, tmp_path):
    url = f"{in_segments}/exports/readings"
    folder = tmp_path / "readings.parquet"
    write_files(folder, {"00001.parquet": b"earlier", "00099.parquet": b"earlier"})
    result = run_client(client, "--job", url, *CLIENTS[client], "parquet")
    assert result.returncode == 0, result.stderr
    assert len([*folder.iterdir()]) > 1
    assert pq.read_table(folder)["id"].to_pylist() == list(range(1, 60_001))


@pytest.mark.parametrize("client", CLIENTS)
def test_a_job_has_the_parameters_of_the_url(http, run_client, in_segments, client, tmp_path):
    site = quote("東京")  # as curl wants it
    url = f"{in_segments}/exports/readings?columns=id,site&site={site}&id_before=100"
    result = run_client(client, url, *CLIENTS[client], "csv", cwd=tmp_path)
    check_saved(result, tmp_path / "readings.csv", http.get(url).content)


@pytest.mark.slow
@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_that_is_called_again_goes_on(
    http, run_client, start_client, in_segments, client, tmp_path
):
    target = str(tmp_path / "saved.csv")
    path = ["--to", target] if "python" in client else [target]
    with hop(in_segments, cuts=1, cut_after=300_000, stalls=True) as url:
        arguments = [f"{url}/exports/readings", *CLIENTS[client], "csv", *path]
        with start_client(client, *arguments):
            # Then another segment is the one that stalls.
            wait_until(lambda: any(size > 400_000 for size in sizes_of(tmp_path)))
        [note] = tmp_path.glob("*/job*")
        [id] = re.findall(r"/exports/jobs/(\w+)", note.read_text())
        result = run_client(client, *arguments)
    assert result.returncode == 0, result.stderr
    assert Path(target).read_bytes() == http.get(f"{in_segments}/exports/readings").content
    assert [each.name for each in tmp_path.iterdir()] == ["saved.csv"]
    # It is the job of the first call that was fetched, and removed.
    assert http.get(f"{in_segments}/exports/jobs/{id}").json()["status"] == "cancelled"


def write_files(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def read_files(folder: Path) -> dict[str, bytes]:
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def to(client: str, format: str, target: str) -> list[str]:
    return [*CLIENTS[client], format, *(["--to"] if "python" in client else []), target]


FOREIGN = [
    (["--job"], "parquet", {"keep.txt": b"precious"}),
    (["--job"], "parquet", {"00001.parquet": b"earlier", "00002.arrow": b"another"}),
    (["--job"], "arrow", {"00001.arrow/keep.txt": b"precious"}),
    (["--job"], "arrow", {"00001-copy.arrow": b"precious"}),
    (["--job"], "jsonl", {"00001.jsonl": b"precious"}),  # this one is a file
    ([], "parquet", {"00001.parquet": b"precious"}),
]


@pytest.mark.parametrize(("how", "format", "files"), FOREIGN)
@pytest.mark.parametrize("client", CLIENTS)
def test_a_folder_of_others_is_left_as_it_is(run_client, client, how, format, files, tmp_path):
    write_files(tmp_path / "mydir", files)
    # It asks nobody: there is no service.
    url = "http://127.0.0.1:1/exports/readings"
    result = run_client(client, *how, url, *to(client, format, "mydir/"), limits={"attempts": 1})
    assert result.returncode not in {0, None}
    assert "mydir is a folder" in result.stderr
    assert "Traceback" not in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mydir"]
    assert read_files(tmp_path / "mydir") == files


@pytest.mark.parametrize("parallel", ["0", "abc"])
@pytest.mark.parametrize("client", CLIENTS)
def test_no_segments_at_once_replace_nothing(run_client, service, client, parallel, tmp_path):
    earlier = {"old/00001.parquet": b"earlier"}
    write_files(tmp_path, earlier)
    arguments = ["--job", f"{service}/exports/readings", *to(client, "parquet", "old")]
    if "curl" in client:
        result = run_client(client, *arguments, limits={"parallel": parallel})
    else:
        result = run_client(client, *arguments, "--parallel", parallel)
    assert result.returncode != 0
    assert "parallel" in result.stderr.lower()
    assert read_files(tmp_path) == earlier


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_takes_a_url_as_it_is(http, run_client, url, client, tmp_path):
    url = f"{url}?site=[1-2]"
    result = run_client(client, url, *CLIENTS[client], "jsonl", cwd=tmp_path)
    check_saved(result, tmp_path / "readings.jsonl", expected(http, url, "jsonl"))


def begin(client: str, folder: Path, service: str) -> str:
    """Leave what a call leaves that has fetched a segment of a job; give the URL of the export."""
    url, job = f"{service}/exports/readings", f"{service}/exports/jobs/1"
    notes = {
        "python/batch_export.py": {"job.json": json.dumps({"asked": [url, "csv"], "url": job})},
        "javascript/batch_export.js": {"job.json": json.dumps({"asked": f"csv {url}", "job": job})},
        "curl/batch_export.sh": {"url": f"csv {url}\n", "job": f"{job}\n"},
    }
    files = {name: text.encode() for name, text in notes[client].items()}
    write_files(folder / "readings.csv.parts", files | {"00001.csv": b"id\n"})
    return url


@pytest.mark.parametrize(("status", "is_kept"), [(401, True), (403, True), (404, False)])
@pytest.mark.parametrize("client", CLIENTS)
def test_a_refusal_leaves_what_has_come_while_the_job_may_be_there(
    run_client, in_segments, client, status, is_kept, tmp_path
):
    with busy_hop(in_segments, [status]) as (service, _):
        result = run_client(client, begin(client, tmp_path, service), *CLIENTS[client], "csv")
    segment = tmp_path / "readings.csv.parts" / "00001.csv"
    assert (result.returncode != 0 and segment.exists()) or not is_kept, result.stderr
    assert segment.exists() == is_kept


class Misleading(BaseHTTPRequestHandler):
    """A service whose job has a segment under another name of the machine."""

    paths: list[str]

    def do_GET(self) -> None:
        self.paths.append(self.path)
        url = f"http://localhost:{self.headers['Host'].split(':')[1]}/stolen"
        segment = {"url": url, "bytes": 3, "sha256": "0" * 64}
        body = json.dumps(
            {"status": "complete", "segments": [segment]}, separators=(",", ":")
        ).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_follows_a_job_to_no_other_origin(run_client, client, tmp_path):
    handler = type("Handler", (Misleading,), {"paths": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = begin(client, tmp_path, f"http://127.0.0.1:{server.server_port}")
        result = run_client(client, url, *CLIENTS[client], "csv", limits={"attempts": 1})
        server.shutdown()
    assert result.returncode not in {0, None}
    assert "another origin" in result.stderr
    assert {*handler.paths} == {"/exports/jobs/1"}


def check_saved(result, path: Path, content: bytes) -> None:
    assert result.returncode == 0, result.stderr
    assert path.read_bytes() == content
    assert result.stderr.splitlines()[-1] == f"Saved {path.name} ({len(content)} bytes)"
    assert not path.with_name(f"{path.name}.part").exists()


@pytest.mark.parametrize(
    "client",
    ["python/batch_export.py", "javascript/batch_export.js", "curl/batch_export.sh"],
)
def test_a_client_that_is_refused_saves_no_file(run_client, service, client, tmp_path):
    result = run_client(client, f"{service}/exports/nope")
    assert result.returncode != 0
    assert '"status":404' in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("format", ["csv", "jsonl"])  # a job, and one stream
@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_whose_connection_is_killed_saves_the_truth_or_fails(
    http, kill, url, client, format
):
    path = "/exports/readings?id_before=9000"

    def saved(killed):
        path = killed.folder / f"readings.{format}"
        return path.read_bytes() if path.exists() else None

    truth = expected(http, f"{url}?id_before=9000", format)
    kill(truth, saved, client, path, *CLIENTS[client], format)


@pytest.mark.slow
def test_the_javascript_client_reads_an_export_in_a_browser(http, in_browser, url):
    script = """
        const options = { format: "jsonl" };
        let bytes = 0;
        for await (const chunk of client.exportChunks(`${service}/exports/readings`, options)) {
          bytes += chunk.length;
        }
        return bytes;
    """
    assert in_browser("batch_export.js", script) == len(expected(http, url, "jsonl"))


@pytest.mark.slow
def test_a_page_whose_connection_is_killed_reads_a_job(http, kill_in_browser, url):
    script = """
        let text = "";
        const decoder = new TextDecoder();
        for await (const chunk of client.jobChunks("/exports/readings?id_before=9000", limits)) {
          text += decoder.decode(chunk, { stream: true });
        }
        return text;
    """
    truth = expected(http, f"{url}?id_before=9000", "csv").decode()
    for text in kill_in_browser("batch_export/job.js", script):
        assert text == truth


@pytest.mark.slow
@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_clients_wait_as_long_as_the_server_asks(put_off, format):
    path = "/exports/readings?id_before=10"
    put_off(*((client, path, *options, format) for client, options in CLIENTS.items()))
