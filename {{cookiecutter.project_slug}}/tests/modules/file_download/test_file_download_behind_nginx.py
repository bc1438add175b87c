import pytest

CLIENTS = ["python/file_download.py", "javascript/file_download.js", "curl/file_download.sh"]


@pytest.mark.slow
def test_every_byte_of_a_file_arrives(http, run_clients, service, behind_nginx, tmp_path):
    url = f"{behind_nginx(service)}/files/readings.csv"
    for result in run_clients(*[(client, url) for client in CLIENTS]):
        assert result.returncode == 0, result.stderr
    whole = http.get(f"{service}/files/readings.csv").content
    for file in tmp_path.glob("*/*"):
        assert file.name == "readings.csv"
        assert file.read_bytes() == whole


@pytest.mark.slow
def test_a_client_resumes_a_download_each_time_it_dies(
    http, run_clients, run_client, service, cut_off, behind_nginx, tmp_path
):
    url = behind_nginx(cut_off(100, after=2_000_000)) + "/files/readings.csv"
    python, javascript, curl = run_clients(*[(client, url) for client in CLIENTS])
    assert python.returncode == 0, python.stderr
    assert javascript.returncode == 0, javascript.stderr
    while curl.returncode:  # it resumes when it is called again
        assert not (tmp_path / "curl" / "readings.csv").exists()
        curl = run_client(CLIENTS[2], url, cwd=tmp_path / "curl")
    whole = http.get(f"{service}/files/readings.csv").content
    for language in ("python", "javascript", "curl"):
        assert (tmp_path / language / "readings.csv").read_bytes() == whole


@pytest.mark.slow
def test_a_client_reports_a_download_that_never_comes(run_clients, cut_off, behind_nginx, tmp_path):
    url = behind_nginx(cut_off(100, after=0)) + "/files/readings.csv"
    python, javascript, curl = CLIENTS
    few = ["--attempts", "2"]
    for result in run_clients([python, *few, url], [javascript, *few, url], [curl, url]):
        assert result.returncode != 0
        assert result.stderr
        assert "Traceback" not in result.stderr
    assert not list(tmp_path.glob("*/readings.csv"))
