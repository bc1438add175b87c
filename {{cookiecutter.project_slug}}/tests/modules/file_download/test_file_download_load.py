import pytest

from loadtest.scenario import run_scenario


@pytest.mark.alone
@pytest.mark.slow
def test_a_scenario_downloads_the_first_file_that_is_not_empty(serve, tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "0").touch()
    (folder / "1 50%20 ä?#.csv").write_bytes(bytes(1_000))
    with serve(FILE_DOWNLOAD_FOLDER=str(folder)) as server:
        where = {"url": server.url, "watch_url": server.url, "network": "direct"}
        figures = run_scenario("file_download", **where, seconds=1.5, readers=4)["figures"]
    assert figures["complete"]["value"] > 0
    assert figures["bytes"]["value"] >= 1_000 * figures["complete"]["value"] / 2
    assert not any(figures[name]["value"] for name in ("failed", "cut", "missing", "doubled"))
