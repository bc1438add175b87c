import httpx2
import pytest


def check_problem(response: httpx2.Response, status: int) -> dict:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert problem["title"]
    return problem


def test_what_is_not_there_is_a_problem(http, url):
    check_problem(http.get(f"{url}/nope"), 404)


def test_a_wrong_method_is_a_problem_that_keeps_its_headers(http, url):
    response = http.get(f"{url}/echo")
    check_problem(response, 405)
    assert response.headers["allow"] == "OPTIONS, POST"


def test_each_wrong_part_of_a_request_is_named(http, url):
    problem = check_problem(http.get(f"{url}/large?megabytes=many"), 422)
    assert [error["location"] for error in problem["errors"]] == ["query.megabytes"]


def test_a_thousand_wrong_parts_do_not_make_a_large_problem(http, url):
    response = http.post(f"{url}/echo", json=dict.fromkeys(map(str, range(99)), 0))
    assert len(check_problem(response, 422)["errors"]) == 10


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "OPTIONS"])
@pytest.mark.parametrize("path", ["/echo", "/ping", "/closed", "/nope"])
def test_a_body_that_is_too_large_is_a_problem_whether_it_is_read_or_not(http, url, method, path):
    response = http.request(method, f"{url}{path}", content=b"a" * 2000)
    assert response.headers["content-type"] == "application/problem+json"
    assert response.status_code == (404 if path == "/nope" else 413)


def test_a_route_may_take_larger_bodies_than_its_app(http, url):
    assert http.post(f"{url}/upload", content=b"a" * 2000).json() == 2000
    check_problem(http.post(f"{url}/upload", content=b"a" * 4000), 413)


def test_a_body_that_is_no_json_is_a_problem(http, url):
    headers = {"Content-Type": "application/json"}
    check_problem(http.post(f"{url}/echo", content=b"{", headers=headers), 422)


def test_an_error_of_the_service_tells_nothing_of_its_inside(http, url):
    problem = check_problem(http.get(f"{url}/fails-at-once"), 500)
    assert "hunter2" not in str(problem)


def test_openapi_describes_problems_and_nothing_else_for_errors(http, url):
    operation = http.get(f"{url}/openapi.json").json()["paths"]["/large"]["get"]
    responses = operation["responses"]
    assert list(responses["default"]["content"]) == ["application/problem+json"]
    assert "422" not in responses
