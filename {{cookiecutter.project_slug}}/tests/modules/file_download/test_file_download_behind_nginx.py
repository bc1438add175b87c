import pytest

CLIENTS = ["python/file_download.py", "javascript/file_download.js", "curl/file_download.sh"]
PATH = "/files/readings.csv"


@pytest.mark.slow
def test_every_byte_of_a_file_arrives(http, run_behind_nginx, service):
    whole = http.get(service + PATH).content
    for run in run_behind_nginx(service, *[(client, PATH) for client in CLIENTS]):
        assert run.result.returncode == 0, run
        assert [path.name for path in run.folder.iterdir()] == ["readings.csv"], run
        assert (run.folder / "readings.csv").read_bytes() == whole, run


@pytest.mark.slow
def test_a_client_resumes_a_download_each_time_it_dies(http, run_behind_nginx, service, cut_off):
    whole = http.get(service + PATH).content
    dying_service = cut_off(1000, after=2_000_000)
    for run in run_behind_nginx(dying_service, *[(client, PATH) for client in CLIENTS]):
        assert run.result.returncode == 0, run
        assert (run.folder / "readings.csv").read_bytes() == whole, run


@pytest.mark.slow
def test_a_client_reports_a_download_that_never_comes(run_behind_nginx, cut_off):
    commands = [(client, PATH) for client in CLIENTS]
    for run in run_behind_nginx(cut_off(1000, after=0), *commands, attempts=2):
        assert run.result.returncode != 0, run
        assert run.result.stderr, run
        assert "Traceback" not in run.result.stderr, run
        assert not (run.folder / "readings.csv").exists(), run
