import pytest

from tests.streaming.burst import WATCHED, burst, longest_wait

pytestmark = pytest.mark.alone

FILES = 20_000


def test_a_burst_of_listings_does_not_keep_downloads_and_who_watches_the_service(serve, tmp_path):
    for number in range(FILES):
        (tmp_path / f"{number}.txt").touch()
    paths = (*WATCHED, "/files/1.txt")
    with (
        serve(FILE_DOWNLOAD_FOLDER=str(tmp_path)) as server,
        burst(server.url, "/files", 45),
    ):
        waits = longest_wait(server.url, 2, paths)
        server.process.kill()  # nobody waits for the rest of the listings
    assert max(waits.values()) < 1, waits
