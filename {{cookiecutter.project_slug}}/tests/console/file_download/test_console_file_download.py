import pytest


@pytest.mark.slow
def test_a_download_is_paused_and_broken_and_whole(open_panel, run_code):
    panel = open_panel("file_download")
    panel.choose("pace", "262144")
    panel.press("start")
    panel.wait(lambda figures: figures["have"][0] in "123456789")
    panel.press("break")
    panel.wait(lambda figures: figures["requests"] == "2")
    panel.press("stop")
    panel.wait_for_state("stopped")
    assert not panel.find(".save").is_displayed()
    panel.choose("pace", "0")
    panel.press("start")
    end = panel.wait_for_state("complete")
    assert end["have"] == end["total"]
    assert end["computed"] == f"{end['digest']} ✓ the same"
    assert panel.find(".save").get_attribute("download") == "readings.csv"
    for language, code in panel.code().items():
        run_code(language, code)
