from locust import between, task

from loadtest.streaming import StreamUser


class Exporter(StreamUser):
    """Exports a whole table, most often as Parquet."""

    wait_time = between(0, 1)

    @task(3)
    def export_parquet(self) -> None:
        path = "/exports/readings?format=parquet"
        self.read_stream(path, name="/exports (parquet)", end=b"PAR1")

    @task(1)
    def export_json_lines(self) -> None:
        path = "/exports/readings?format=jsonl&end=true"
        self.read_stream(path, name="/exports (jsonl)", end=b'"complete"')
