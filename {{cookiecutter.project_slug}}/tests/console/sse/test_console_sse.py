import json

import pytest
from selenium.webdriver.common.keys import Keys


@pytest.mark.slow
def test_events_go_on_without_a_hole_when_the_connection_breaks(open_panel, start_code):
    def ids_before(figures: dict[str, str]) -> int:
        return json.loads(figures["latest"])["id"] - int(figures["events"])

    panel = open_panel("sse")
    panel.press("stop")  # it begins by itself
    panel.wait_for_state("stopped")
    panel.fill("topics", "readings" + Keys.ENTER)
    panel.wait_for_state("open")
    before = panel.wait(lambda figures: int(figures["events"]) > 2)
    panel.press("break")
    panel.wait(lambda figures: figures["reconnects"] == "1")
    resumed = panel.wait_for_state("open")
    after = panel.wait(lambda figures: figures["id"] != resumed["id"])
    assert ids_before(after) == ids_before(before)
    assert after["gaps"] == "0"
    assert "after the break" in panel.log
    panel.press("stop")
    panel.wait_for_state("stopped")
    for language, code in panel.code().items():
        assert "readings" in code
        lines = start_code(language, code).stdout
        assert any('"sensor"' in line for line in lines), language


@pytest.mark.slow
def test_what_is_published_comes_back(open_panel):
    panel = open_panel("sse")
    panel.wait_for_state("open")
    panel.fill("data", '{"note": "Grüße, 世界"}' + Keys.ENTER)
    panel.wait(lambda _: 'console: {"note":"Grüße, 世界"}' in panel.log)
    panel.fill("topic", "readings" + Keys.ENTER)
    panel.wait(lambda _: "Forbidden" in panel.log)


def test_openapi_links_the_section_that_shows_a_stream_live(http, service):
    operation = http.get(f"{service}/openapi.json").json()["paths"]["/events/{topic}"]["get"]
    assert operation["externalDocs"]["url"] == "./#sse"
    assert 'id="sse"' in http.get(service).text
