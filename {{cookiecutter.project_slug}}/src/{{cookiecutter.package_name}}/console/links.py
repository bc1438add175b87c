from collections.abc import Iterator
from typing import Any, NamedTuple

from fastapi import FastAPI

# Routes of the team's own may have no tag.
UNTAGGED = "other"


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
            yield Link(_section_of(operation), path.format(**examples), summary)


def link_the_page(app: FastAPI) -> None:
    """Let `app.openapi()` say of streams without an end where they can be seen."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        for operations in document["paths"].values():
            for operation in operations.values():
                if operation.get("x-endless"):
                    url = f"./#{_section_of(operation)}"
                    operation["externalDocs"] = {"url": url, "description": "Live in the console"}
        return document

    app.openapi = openapi


def _section_of(operation: dict[str, Any]) -> str:
    return next(iter(operation.get("tags", [])), UNTAGGED)
