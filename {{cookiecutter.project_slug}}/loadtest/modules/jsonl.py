from locust import between, task

from loadtest.streaming import StreamUser


class RecordReader(StreamUser):
    """Reads whole sources, and now and then one page of a filter."""

    wait_time = between(0, 1)

    @task(3)
    def read_all(self) -> None:
        path = "/records/readings?limit=100000&end=true"
        self.read_stream(path, name="/records", end=b'"complete"')

    @task(1)
    def read_page(self) -> None:
        path = "/records/readings?site=Lyon&limit=100"
        self.read_stream(path, name="/records (page)", end=b"]", accept="application/json")
