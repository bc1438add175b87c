"""The core in an app that was there before it."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx2
import pytest

from tests.streaming.fixtures import Server
from tests.streaming.foreign_app import DETAIL, RAISED, RETURNED, SENTENCE
from tests.streaming.test_problems import check_problem

# What the core adds to a response: its length may differ once it is compressed.
ADDED = {"date", "server", "vary", "content-encoding", "content-length", "transfer-encoding"}
LARGE = b'{"name": "' + b"a" * 2000 + b'"}'
# What is no error, or which the app has a handler of its own for.
OWN = {"redirect", "not-modified", "stock", *RETURNED}


class Ask(NamedTuple):
    """A request of an app, as the arguments of httpx's."""

    method: str
    path: str
    content: Any = None
    headers: dict[str, str] = {}  # noqa: RUF012

    def __str__(self) -> str:
        return f"{self.method} {self.path} {'large' if self.content else ''}{self.headers or ''}"


def in_pieces() -> Iterator[bytes]:
    yield LARGE


def requests_of(router: str) -> list[Ask]:
    return [
        *(Ask("GET", f"{router}/fails/{kind}") for kind in (*RAISED, *RETURNED)),
        *(Ask("GET", f"{router}/streams/{kind}") for kind in RAISED),
        Ask("HEAD", f"{router}/fails/detail"),
        Ask("HEAD", f"{router}/fails/plain"),
        Ask("GET", f"{router}/numbers?number=a&number=b"),
        Ask("DELETE", f"{router}/items"),
        Ask("POST", f"{router}/items", b"{"),
        Ask("POST", f"{router}/items", LARGE),
        Ask("POST", f"{router}/items", in_pieces),
        Ask("GET", f"{router}/numbers?number=1", LARGE),
        Ask("GET", f"{router}/file", None, {"Range": "bytes=999999-"}),
        Ask("GET", f"{router}/file", None, {"Range": "pages=1-2"}),
        Ask("GET", f"{router}/nowhere"),
    ]


@pytest.fixture(scope="module")
def server(serve) -> Iterator[Server]:
    with serve("tests.streaming.foreign_app:app") as server:
        yield server


@pytest.fixture(scope="module")
def ask(server, http) -> Any:
    def send(app: str, request: Ask, **headers: str) -> httpx2.Response:
        content = request.content() if callable(request.content) else request.content
        headers = {"Content-Type": "application/json", **request.headers, **headers}
        url = f"{server.url}/{app}{request.path}"
        return http.request(request.method, url, content=content, headers=headers)

    return send


def of(response: httpx2.Response) -> tuple[int, list[tuple[str, str]], bytes]:
    headers = [pair for pair in response.headers.multi_items() if pair[0] not in ADDED]
    return response.status_code, headers, response.content


@pytest.mark.parametrize("request_", [*requests_of("/own"), Ask("GET", "/nope")], ids=str)
@pytest.mark.parametrize("coding", ["identity", "gzip"])
@pytest.mark.parametrize(
    ("before", "after"), [("bare", "guest"), ("bare_with_handlers", "guest_with_handlers")]
)
def test_the_errors_of_an_app_stay_as_they_were(ask, request_, coding, before, after):
    headers = {"Accept-Encoding": coding}
    assert of(ask(after, request_, **headers)) == of(ask(before, request_, **headers))


@pytest.mark.parametrize("app", ["guest", "guest_with_handlers", "opted"])
@pytest.mark.parametrize("prefix", ["", "/data"])
@pytest.mark.parametrize("request_", requests_of("/ours"), ids=str)
def test_the_errors_of_our_routes_are_problems_in_any_app(ask, request_, app, prefix):
    response = ask(app, request_._replace(path=prefix + request_.path))
    if request_.path.rpartition("/")[2] in OWN:
        assert response.headers.get("content-type") != "application/problem+json"
    elif "nowhere" not in request_.path:
        assert response.headers["content-type"] == "application/problem+json"
        assert request_.method == "HEAD" or response.json()["status"] == response.status_code
        assert "hunter2" not in response.text


@pytest.mark.parametrize(
    ("app", "router"), [("guest", "/ours"), ("opted", "/ours"), ("opted", "/own")]
)
def test_a_problem_keeps_what_an_exception_says(ask, app, router):
    """Any JSON for its detail, any status, its headers, and a type of its own."""

    def problem_of(kind: str) -> dict[str, Any]:
        return ask(app, Ask("GET", f"{router}/fails/{kind}")).json()

    response = ask(app, Ask("GET", f"{router}/fails/detail"))
    assert response.json() == {
        "type": "about:blank",
        "title": "Conflict",
        "status": 409,
        "data": DETAIL,
    }
    assert (response.headers["x-own"], response.headers["retry-after"]) == ("yes", "7")
    assert problem_of("list")["data"] == ["a", {"b": None}]
    assert problem_of("text")["detail"] == "Not now."
    assert problem_of("499") == {"type": "about:blank", "title": "Status 499", "status": 499}
    assert problem_of("520")["detail"] == "Of whatever kind."
    assert problem_of("locked")["type"] == "https://example.org/locked"


@pytest.mark.parametrize("app", ["guest", "opted"])
def test_a_body_that_a_team_has_compressed_arrives_whole(ask, app):
    response = ask(app, Ask("GET", "/own/fails/gzip"))
    assert (response.status_code, response.text) == (503, SENTENCE)


REFUSED = [
    Ask("GET", "/nope"),
    Ask("GET", "/own/numbers?number=a"),
    Ask("PATCH", "/own/items"),
    Ask("POST", "/own/items", LARGE),
    Ask("POST", "/own/items", in_pieces),
    Ask("GET", "/own/file", None, {"Range": "bytes=999999-"}),
    Ask("GET", "/own/fails/bug"),
    Ask("GET", "/own/streams/bug"),
]


@pytest.mark.parametrize("request_", REFUSED, ids=str)
def test_an_app_can_choose_problems_for_its_own_routes(ask, request_):
    response = ask("opted", request_)
    check_problem(response, ask("bare", request_).status_code)


def test_a_range_that_there_is_not_tells_how_long_the_file_is(ask):
    response = ask("guest", Ask("GET", "/ours/file", None, {"Range": "bytes=999999-"}))
    assert response.headers["content-range"].startswith("bytes */")
    assert response.headers.get_list("content-type") == ["application/problem+json"]


@pytest.mark.parametrize("path", ["/ours/items", "/data/ours/items"])
def test_options_and_405_name_every_method_of_the_path(ask, path):
    options, refused = ask("guest", Ask("OPTIONS", path)), ask("guest", Ask("DELETE", path))
    assert (options.status_code, options.content) == (204, b"")
    assert options.headers["allow"] == refused.headers["allow"] == "GET, HEAD, OPTIONS, POST"


def test_a_bug_behind_our_routes_is_logged_where_the_app_logs_its_own(ask, server):
    ask("guest", Ask("GET", "/ours/fails/bug"))
    assert "RuntimeError: the password is hunter2" in server.log
