import pytest


@pytest.mark.slow
def test_an_export_is_made_and_checked(open_panel, run_code):
    panel = open_panel("batch_export")
    panel.choose("format", "csv")
    panel.press("start")
    end = panel.wait_for_state("complete")
    assert int(end["rows"].replace(",", "")) > 0
    assert end["checked"] == "1 of 1"
    link = panel.find(".rows a")
    assert link.get_attribute("download") == "readings-1.csv"
    for language, code in panel.code().items():
        run_code(language, code)
