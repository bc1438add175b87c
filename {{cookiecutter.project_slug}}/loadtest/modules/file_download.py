from locust import between, task

from loadtest.streaming import StreamUser


class Downloader(StreamUser):
    """Downloads the first file of the listing, whole and from its middle."""

    wait_time = between(0, 1)

    def on_start(self) -> None:
        self.file = self.client.get("/files?limit=1", name="/files").json()[0]

    @task(3)
    def download(self) -> None:
        self.read_range(0, "/files (whole)")

    @task(1)
    def resume(self) -> None:
        self.read_range(self.file["size"] // 2, "/files (resumed)")

    def read_range(self, first: int, name: str) -> None:
        path, size = f"/files/{self.file['path']}", self.file["size"]
        headers = {"Range": f"bytes={first}-"}
        with self.client.get(path, name=name, headers=headers, catch_response=True) as response:
            if len(response.content or b"") != size - first:
                response.failure("The file is cut off.")
