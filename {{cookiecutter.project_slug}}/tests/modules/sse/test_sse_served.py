"""Event streams by other servers, and by ours with what teams put around an app."""

from contextlib import nullcontext

import httpx2
import pytest

from tests.modules.sse.test_sse import JSON_LINES, new_topic, publish, subscribe, values_of
from tests.modules.sse.waiting import open_streams, wait_for
from tests.streaming.fixtures import SOON_SECONDS

ENGINE, WRAPPED = "tests.modules.sse.engine_app:app", "tests.modules.sse.wrapped_app"
SERVED = {
    "OpenTelemetry": ("ours", f"{WRAPPED}:opentelemetry"),
    "native telemetry": ("ours", f"{WRAPPED}:native_telemetry"),
    "http middleware": ("ours", f"{WRAPPED}:http_middleware"),
    "uvicorn": ("uvicorn", ENGINE),
    "gunicorn": ("gunicorn", ENGINE),
    "granian": ("granian", ENGINE),
    "hypercorn": ("hypercorn", ENGINE),
}


# It tells its processes of no signal, and cancels what runs after three seconds.
CUTS_OFF = {"hypercorn"}


def publish_many(http: httpx2.Client, url: str, count: int) -> list[str]:
    """Publish 0, 1, 2, …: some one by one, and the rest at once."""
    ids = publish(http, url, *range(20))
    body = "\n".join(map(str, range(20, count)))
    response = http.post(url, content=body, headers={"Content-Type": JSON_LINES})
    return [*ids, *response.raise_for_status().json()["ids"]]


@pytest.mark.parametrize(
    "served",
    ["OpenTelemetry", *(pytest.param(name, marks=pytest.mark.slow) for name in list(SERVED)[1:])],
)
def test_nothing_is_lost_whoever_serves(http, serve, served):
    server, app = SERVED[served]
    is_cut_off = server in CUTS_OFF
    with serve(app, server=server, DEMO_ROWS="10") as running:
        topic = running.url + new_topic()
        with subscribe(http, topic) as staying:
            with subscribe(http, topic) as first, subscribe(http, topic) as second:
                ids = publish_many(http, topic, 500)
                assert values_of(first, 500) == values_of(second, 500) == list(range(500))
            wait_for(lambda: open_streams(http, running.url) == 1)
            with subscribe(http, topic, **{"Last-Event-ID": ids[99]}) as resumed:
                assert values_of(resumed, 400) == list(range(100, 500))
            assert values_of(staying, 500) == list(range(500))
            publish(http, topic, "last")
            if "telemetry" in served.lower():
                statuses = {status for _, status in http.get(f"{running.url}/spans").json()}
                assert statuses == {"UNSET"}
            running.process.terminate()
            assert values_of(staying, 1) == ["last"]
            with pytest.raises(httpx2.RemoteProtocolError) if is_cut_off else nullcontext():
                assert list(staying) == []
        running.process.wait(SOON_SECONDS)
        assert is_cut_off or "Traceback" not in running.log
