import httpx2


def test_a_process_that_drains_is_alive_and_not_ready(serve):
    with serve("tests.streaming.failing_app:app") as server:
        assert httpx2.get(f"{server.url}/readyz").status_code == 200
        httpx2.post(f"{server.url}/drain")
        assert httpx2.get(f"{server.url}/readyz").status_code == 503
        assert httpx2.get(f"{server.url}/healthz").status_code == 200


def test_the_signal_still_reaches_the_server(serve):
    with serve("tests.streaming.failing_app:app") as server:
        server.terminate()
        assert "Application shutdown complete" in server.log
