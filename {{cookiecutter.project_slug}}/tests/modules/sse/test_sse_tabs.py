import pytest

from tests.modules.sse.waiting import open_streams, wait_for

FOLLOW = """
  const done = arguments[0];
  window.received = [];
  import("/clients/sse/tabs.js").then(({ followInAllTabs }) => {
    followInAllTabs("/events/house", ({ data }) => received.push(JSON.parse(data)));
    done();
  });
"""


@pytest.mark.slow
def test_tabs_share_one_stream(http, serve, browser):
    def received(tab: str) -> list[int]:
        browser.switch_to.window(tab)
        return browser.execute_script("return received")

    def publish(*numbers: int) -> None:
        wait_for(lambda: open_streams(http, server.url) == 1)
        for number in numbers:
            http.post(f"{server.url}/events/house", json=number).raise_for_status()

    with serve("tests.modules.sse.tabs_app:app") as server:
        before = browser.current_window_handle
        tabs = []
        for _ in range(3):
            browser.switch_to.new_window("tab")
            browser.get(f"{server.url}/healthz")
            browser.execute_async_script(FOLLOW)
            tabs.append(browser.current_window_handle)
        publish(0, 1, 2)
        for tab in tabs:
            wait_for(lambda tab=tab: received(tab) == [0, 1, 2])
        browser.switch_to.window(tabs.pop(0))  # the one that reads
        browser.close()
        http.post(f"{server.url}/events/house", json=3)
        publish(4)
        for tab in tabs:
            wait_for(lambda tab=tab: received(tab) == [0, 1, 2, 3, 4])
            browser.close()
        browser.switch_to.window(before)
