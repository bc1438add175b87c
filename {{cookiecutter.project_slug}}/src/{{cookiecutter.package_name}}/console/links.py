from collections.abc import Iterator
from typing import Any, NamedTuple


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
