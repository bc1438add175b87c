from time import perf_counter

from locust import FastHttpUser

CHUNK_BYTES = 64 * 1024
TAIL_BYTES = 64 * 1024
AS_IT_IS = {"Accept-Encoding": "identity"}  # Locust asks for codings, but decodes no stream


class StreamUser(FastHttpUser):
    """A user who reads streams to their end, and counts one that is cut off as a failure."""

    abstract = True

    def read_stream(self, path: str, *, name: str, end: bytes, accept: str = "*/*") -> None:
        """Read `path` whole, and fail unless `end` is in its last 64 KiB.

        The response time is that of the whole stream; the time to the first byte is a row of its
        own in the report.
        """
        started = perf_counter()
        headers = {"Accept": accept, **AS_IT_IS}
        request = self.client.get(
            path, name=name, headers=headers, stream=True, catch_response=True
        )
        with request as response:
            tail = response.stream.read(1)
            size = len(tail)
            self.report("FIRST", name, started)
            while chunk := response.stream.read(CHUNK_BYTES):
                size += len(chunk)
                tail = (tail + chunk)[-TAIL_BYTES:]
            response.request_meta["response_time"] = (perf_counter() - started) * 1000
            response.request_meta["response_length"] = size
            if not response.ok:
                response.failure(f"status {response.status_code}")
            elif end not in tail:
                response.failure("The stream is cut off.")

    def report(self, kind: str, name: str, started: float) -> None:
        """Add a row to the report: what took from `started` (`perf_counter`) until now."""
        self.environment.events.request.fire(
            request_type=kind,
            name=name,
            response_time=(perf_counter() - started) * 1000,
            response_length=0,
            exception=None,
            context={},
        )
