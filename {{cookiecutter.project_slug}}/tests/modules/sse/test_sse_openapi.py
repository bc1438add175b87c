import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.streaming.documented import undocumented
from tests.streaming.fixtures import START_SECONDS

ONE, SEVERAL = "/events/{topic}", "/events"
JSON = {"Content-Type": "application/json"}
ANSWERS = [
    ("GET", ONE, "/events/readings", {}, 200),
    ("GET", SEVERAL, "/events?topic=readings&topic=other", {}, 200),
    ("GET", ONE, "/events/readings?nope=1", {}, 422),
    ("GET", SEVERAL, "/events", {}, 422),
    ("POST", ONE, "/events/documented", {"content": "1", "headers": JSON}, 202),
    ("POST", ONE, "/events/documented", {"content": "nope", "headers": JSON}, 422),
    ("POST", ONE, "/events/documented", {"content": "1"}, 415),
    ("POST", ONE, "/events/readings", {"content": "1", "headers": JSON}, 403),
]


@pytest.mark.parametrize(("method", "path", "asked", "options", "status"), ANSWERS)
def test_openapi_has_each_answer(http, service, method, path, asked, options, status):
    openapi = http.get(f"{service}/openapi.json").json()
    with http.stream(method, service + asked, **options) as answer:
        if status not in {200}:
            answer.read()
        assert answer.status_code == status
        assert undocumented(openapi, path, answer) == []


def test_openapi_marks_what_has_no_end(http, service):
    paths = http.get(f"{service}/openapi.json").json()["paths"]
    assert [path for path in (ONE, SEVERAL) if paths[path]["get"].get("x-endless")] == [
        ONE,
        SEVERAL,
    ]
    examples = paths[ONE]["get"]["responses"]["200"]["content"]["text/event-stream"]["examples"]
    assert all(each["serializedValue"].endswith("\n\n") for each in examples.values())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("operation", "tries"),
    [("subscribe_events__topic__get", 0), ("publish_by_http_events__topic__post", 1)],
)
def test_nobody_waits_in_the_api_docs_for_a_stream_to_end(browser, service, operation, tries):
    browser.get("about:blank")  # another fragment alone would not load the page
    browser.get(f"{service}/docs#/sse/{operation}")
    shown = WebDriverWait(browser, START_SECONDS).until(
        lambda page: page.find_elements(By.CSS_SELECTOR, f"[id$={operation}] .responses-wrapper")
    )
    block = shown[0].find_element(By.XPATH, "ancestor::*[contains(@class, 'opblock')][last()]")
    assert len(block.find_elements(By.CSS_SELECTOR, ".try-out__btn")) == tries
    assert ("retry: 3000" in block.text) == (tries == 0), "a body as it is on the wire"
