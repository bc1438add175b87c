import pytest

from tests.streaming.burst import burst, longest_wait

pytestmark = pytest.mark.alone


@pytest.mark.parametrize(
    ("path", "count"),
    [
        ("/blocks", 40),
        ("/blocks-before-it-answers", 40),
        pytest.param("/never-waits", 500, marks=pytest.mark.slow),
    ],
)
def test_a_burst_does_not_keep_who_watches_the_service(serve, path, count):
    with serve("tests.streaming.failing_app:app") as server, burst(server.url, path, count):
        waits = longest_wait(server.url, seconds=2)
    assert max(waits.values()) < 1, waits
