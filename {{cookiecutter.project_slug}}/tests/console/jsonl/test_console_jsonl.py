import pytest

LIMIT = 20_000


@pytest.mark.slow
def test_records_are_whole_when_the_connection_breaks(open_panel, run_code):
    panel = open_panel("jsonl")
    panel.fill("limit", str(LIMIT))
    panel.choose("pace", "10000")
    panel.press("start")
    panel.wait(lambda figures: figures["records"] != "0")
    panel.press("break")
    end = panel.wait_for_state("complete")
    assert (end["records"], end["reconnects"]) == (f"{LIMIT:,}", "1")
    assert "sensor-" in panel.find(".rows").text
    panel.fill("limit", "3")
    for language, code in panel.code().items():
        assert run_code(language, code).count("recorded_at") == 3, language


@pytest.mark.slow
def test_a_refusal_says_why(open_panel):
    panel = open_panel("jsonl")
    panel.section.parent.execute_script(
        "arguments[0].value = 0", panel.find("[name=limit]")
    )  # past the page's own check
    panel.section.parent.execute_script("arguments[0].noValidate = true", panel.find("form"))
    panel.press("start")
    panel.wait_for_state("failed")
    assert "query.limit" in panel.log
