import pytest

CLIENTS = ["python/file_download.py", "javascript/file_download.js", "curl/file_download.sh"]


@pytest.fixture
def url(service: str) -> str:
    return f"{service}/files/readings.csv"


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_downloads_the_file(http, run_client, url, client, tmp_path):
    result = run_client(client, url)
    assert result.returncode == 0, result.stderr
    whole = http.get(url).content
    assert (tmp_path / "readings.csv").read_bytes() == whole
    assert result.stderr.splitlines()[-1] == f"Saved readings.csv ({len(whole)} bytes)"
    assert [path.name for path in tmp_path.iterdir()] == ["readings.csv"]


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_downloads_an_empty_file(serve, run_client, client, tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "empty.csv").touch()
    with serve(FILE_DOWNLOAD_FOLDER=str(folder)) as server:
        result = run_client(client, f"{server.url}/files/empty.csv")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "empty.csv").read_bytes() == b""


@pytest.mark.parametrize("client", ["python/file_download.py", "curl/file_download.sh"])
def test_a_client_resumes_the_part_that_it_has(http, run_client, url, client, tmp_path):
    whole = http.get(url, headers={"Accept-Encoding": "identity"})
    part = bytearray(whole.content[:500_000])
    part[0] ^= 255  # the part is kept, not fetched again: this byte stays
    (tmp_path / "readings.csv.part").write_bytes(part)
    (tmp_path / "readings.csv.etag").write_text(whole.headers["etag"], encoding="ascii")
    result = run_client(client, url)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "readings.csv").read_bytes() == bytes(part) + whole.content[500_000:]


@pytest.mark.parametrize("client", ["python/file_download.py", "curl/file_download.sh"])
def test_a_client_starts_again_when_the_file_has_changed(http, run_client, url, client, tmp_path):
    (tmp_path / "readings.csv.part").write_bytes(b"of another version")
    (tmp_path / "readings.csv.etag").write_text('"another"', encoding="ascii")
    result = run_client(client, url)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "readings.csv").read_bytes() == http.get(url).content


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


@pytest.mark.slow
@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_resumes_a_download_that_is_cut_off(
    http, run_client, cut_off, url, client, tmp_path
):
    target = cut_off(2, after=300_000) + "/files/readings.csv"
    result = run_client(client, target)
    while client.startswith("curl") and result.returncode:  # it resumes when it is called again
        assert not (tmp_path / "readings.csv").exists()
        result = run_client(client, target)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "readings.csv").read_bytes() == http.get(url).content


@pytest.mark.slow
def test_the_javascript_client_downloads_in_a_browser(http, in_browser, url):
    script = """
        let bytes = 0;
        for await (const chunk of client.downloadChunks(`${service}/files/readings.csv`)) {
          bytes += chunk.length;
        }
        return bytes;
    """
    assert in_browser("file_download.js", script) == len(http.get(url).content)


@pytest.mark.slow
def test_the_load_test_runs_without_a_failure(run_load_test):
    assert "/files" in run_load_test("file_download.py")
