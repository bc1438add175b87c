def test_a_process_that_drains_is_alive_but_not_ready_and_ends_on_sigterm(http, serve):
    with serve("tests.streaming.failing_app:app") as server:
        assert http.get(f"{server.url}/readyz").status_code == 200
        http.post(f"{server.url}/drain")
        assert http.get(f"{server.url}/readyz").status_code == 503
        assert http.get(f"{server.url}/healthz").status_code == 200
        server.terminate()
        assert "Application shutdown complete" in server.log
