import httpx2
import pytest

from tests.host_app import service

PACKAGE = "{{ cookiecutter.package_name }}"
links = pytest.importorskip(f"{PACKAGE}.console.links")
LINKS = [link.url for link in links.find_links(service.openapi()) if link.url.count("/") > 1]


@pytest.mark.slow
@pytest.mark.parametrize("app", ["mounting", "including"])
def test_a_service_works_within_another_app(http, serve, app):
    with serve(f"tests.host_app:{app}") as server:

        def ask(method: str, path: str) -> httpx2.Response:
            return http.request(method, f"{server.url}/x{path}")

        for path in LINKS:
            with http.stream("GET", f"{server.url}/x{path}") as response:
                assert response.status_code == 200, path
            refused = ask("DELETE", path)
            assert (refused.status_code, refused.json()["status"]) == (405, 405)
            assert "GET" in refused.headers["allow"]
            assert ask("OPTIONS", path).status_code == 204
        is_problem = "title" in ask("GET", "/nope").json()
        assert is_problem == (app == "mounting")
