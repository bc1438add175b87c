import pytest

from tests.streaming.documented import undocumented

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
