import httpx2


def test_a_process_that_drains_is_alive_but_not_ready_and_ends_on_sigterm(serve):
    with serve("tests.streaming.failing_app:app") as server:
        assert httpx2.get(f"{server.url}/readyz").status_code == 200
        httpx2.post(f"{server.url}/drain")
        assert httpx2.get(f"{server.url}/readyz").status_code == 503
        assert httpx2.get(f"{server.url}/healthz").status_code == 200
        server.terminate()
        assert "Application shutdown complete" in server.log
