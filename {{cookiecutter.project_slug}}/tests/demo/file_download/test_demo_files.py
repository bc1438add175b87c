import csv
import io


def test_the_folder_holds_the_readings_and_nothing_else(http, service):
    [file] = http.get(f"{service}/files").json()
    response = http.get(f"{service}/files/{file['path']}")
    assert len(response.content) == file["size"] > 1024 * 1024
    header, first, *_ = csv.reader(io.StringIO(response.text, newline=""))
    assert header == ["id", "sensor", "site", "recorded_at", "value", "note"]
    assert first == ["1", "sensor-178", "São Paulo", "2026-01-01T00:00:01Z", "15.87", ""]
