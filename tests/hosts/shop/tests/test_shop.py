import pytest

WRONG = {
    "/api/v1/items/-1": (404, {"error": "Item not found"}),
    "/api/v1/items/0": (409, {"error": "out of stock"}),
    "/api/v1/items/x": (400, {"error": "invalid"}),
    "/api/v1/nowhere": (404, {"error": "Not Found"}),
    "/": (404, {"error": "Not Found"}),
}


@pytest.mark.parametrize(("path", "answer"), WRONG.items())
def test_errors_have_the_shops_own_form(client, path, answer):
    response = client.get(path)
    assert (response.status_code, response.json()) == answer


def test_pages_of_the_shop_may_read_it(client):
    headers = {"Origin": "http://localhost:5173"}
    response = client.get("/api/v1/items/1", headers=headers)
    assert response.headers["access-control-allow-origin"] == headers["Origin"]
    assert response.headers["vary"] == "Origin"
    assert "x-process-time" in response.headers


def test_the_shop_is_open(client):
    assert client.app.state.opened
    assert client.get("/api/v1/utils/health-check/").json() is True


def test_docs_are_at_their_own_place(client):
    assert client.get("/manual").status_code == 200
    assert client.get("/docs").status_code == 404
    document = client.get("/api/v1/openapi.json").json()
    assert document["info"]["title"] == "Shop"
    assert {"items-read_item", "items-add_item"} <= {
        operation["operationId"]
        for path in document["paths"].values()
        for operation in path.values()
    }


def test_a_slash_is_redirected(client):
    response = client.get("/api/v1/utils/health-check", follow_redirects=False)
    assert response.status_code == 307
