from fastapi import FastAPI

from {{ cookiecutter.package_name }}.console.links import (
    find_links,
    link_the_page,
)


def test_routes_without_a_tag_are_linked_too():
    app = FastAPI()

    @app.get("/hello")
    async def hello() -> None: ...

    @app.get("/ticks", openapi_extra={"x-endless": True})
    async def ticks() -> None: ...

    link_the_page(app)
    links = list(find_links(app.openapi()))
    assert [link.url for link in links] == ["/hello", "/ticks"]
    assert len({link.module for link in links}) == 1
