from collections.abc import Iterator
from typing import Any, NamedTuple

from fastapi import FastAPI


class Link(NamedTuple):
    module: str
    url: str
    summary: str


def find_links(openapi: dict[str, Any]) -> Iterator[Link]:
    """A link for each GET of an OpenAPI document that needs nothing, or of which it has examples."""
    for path, operations in openapi["paths"].items():
        operation = operations.get("get")
        if not operation:
            continue
        examples = {
            parameter["name"]: parameter["schema"].get("examples", [""])[0]
            for parameter in operation.get("parameters", [])
            if parameter["required"]
        }
        if all(examples.values()):
            summary = operation.get("description", "").partition("\n")[0]
            yield Link(operation["tags"][0], path.format(**examples), summary)


def link_the_page(app: FastAPI) -> None:
    """Let `app.openapi()` say of streams without an end where they can be seen."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        for operations in document["paths"].values():
            for operation in operations.values():
                if operation.get("x-endless"):
                    url = f"./#{operation['tags'][0]}"
                    operation["externalDocs"] = {"url": url, "description": "Live in the console"}
        return document

    app.openapi = openapi
