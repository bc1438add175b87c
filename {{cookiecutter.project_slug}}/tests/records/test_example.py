import json
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "streaming.md"


@pytest.mark.slow
def test_the_example_of_the_docs_streams(http, serve):
    with (
        serve("tests.records.example_app:app") as server,
        http.stream("GET", f"{server.url}/squares") as response,
    ):
        lines = response.iter_lines()
        assert json.loads(next(lines)) == {"number": 0, "square": 0}
        *_, last = lines
    assert json.loads(last) == {"@end": {"status": "complete", "records": 1_000_000}}


def test_the_docs_show_the_example_as_it_is():
    example = Path(__file__).with_name("example_app.py").read_text(encoding="utf-8")
    assert f"```python\n{example}```" in PAGE.read_text(encoding="utf-8")
