from urllib.parse import quote

from loadtest.streaming import StreamUser


class Downloader(StreamUser):
    """Downloads the first file of the listing that is not empty, whole and from its middle."""

    share = 0.4
    pause_seconds = 0.25

    def on_start(self) -> None:
        super().on_start()
        self.file = next(file for file in self.client.get("/files").json() if file["size"])

    def visit(self) -> None:
        path, size = f"/files/{quote(self.file['path'])}", self.file["size"]
        first = self.visits % 2 * (size // 2)
        with self.stream(path, kind=f"{first}", headers={"Range": f"bytes={first}-"}) as stream:
            got = sum(map(len, stream))
            self.count_records(0, missing=size - first - got)
