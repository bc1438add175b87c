import pytest

from tests.streaming.documented import undocumented

PATH = "/records/readings"
ANSWERS = [
    ("?limit=1", {}, 200),
    ("?limit=1&format=json", {}, 200),
    ("?limit=1&format=csv&locale=de&download=true", {}, 200),
    ("?limit=0", {}, 422),
    ("?after=altered", {}, 422),
    ("", {"Accept": "image/png"}, 406),
]


@pytest.mark.parametrize(("query", "headers", "status"), ANSWERS)
def test_openapi_has_each_answer(http, service, query, headers, status):
    openapi = http.get(f"{service}/openapi.json").json()
    answer = http.get(service + PATH + query, headers=headers)
    assert answer.status_code == status
    assert undocumented(openapi, PATH, answer) == []


def test_the_examples_are_bodies(http, service):
    responses = http.get(f"{service}/openapi.json").json()["paths"][PATH]["get"]["responses"]
    for media_type, content in responses["200"]["content"].items():
        for example in content["examples"].values():
            assert "recorded_at" in example["serializedValue"], media_type
