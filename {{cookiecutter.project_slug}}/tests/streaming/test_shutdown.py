import pytest


def test_a_process_that_drains_is_alive_but_not_ready(http, url):
    assert http.get(f"{url}/readyz").status_code == 200
    http.post(f"{url}/drain")
    assert http.get(f"{url}/readyz").status_code == 503
    assert http.get(f"{url}/healthz").status_code == 200


@pytest.mark.slow
def test_sigterm_drains_and_the_server_ends(http, serve):
    with serve("tests.streaming.failing_app:app") as server:
        with http.stream("GET", f"{server.url}/until-drained") as response:
            chunks = response.iter_raw()
            assert next(chunks) == b"first"
            server.process.terminate()
            assert next(chunks) == b"last"
        server.process.wait(timeout=5)
        assert "Application shutdown complete" in server.log
