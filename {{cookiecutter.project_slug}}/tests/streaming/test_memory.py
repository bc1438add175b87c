import pytest

GIGABYTES = 5
MOST_BYTES = 64 * 1024 * 1024


@pytest.mark.slow
def test_a_long_stream_leaves_the_process_as_large_as_it_was(http, serve):
    with serve("tests.streaming.failing_app:app") as server:
        before = highest = server.memory
        received = 0
        with http.stream("GET", f"{server.url}/large?megabytes={GIGABYTES * 1000}") as response:
            for number, chunk in enumerate(response.iter_raw()):
                received += len(chunk)
                if number % 1000 == 0:
                    highest = max(highest, server.memory)
        assert received > GIGABYTES * 1_000_000_000
        assert highest - before < MOST_BYTES
