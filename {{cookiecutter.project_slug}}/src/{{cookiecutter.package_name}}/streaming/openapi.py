"""What OpenAPI says of endpoints that yield: `itemSchema`, from what their annotations name.

That is new in OpenAPI 3.2; for programs that do not know it yet there is the document of 3.1 too.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import Any, get_args, get_origin

from fastapi import FastAPI
from fastapi.dependencies.utils import get_stream_item_type, get_typed_return_annotation
from fastapi.routing import RouteContext, iter_route_contexts
from fastapi.sse import ServerSentEvent
from pydantic import PydanticUserError, TypeAdapter
from starlette.requests import Request
from starlette.responses import JSONResponse

from .problems import Problem
from .responses import StreamResponse

REFERENCE = "#/components/schemas/{model}"


@lru_cache(1024)
def item_type(endpoint: Callable[..., Any]) -> Any:
    """`Square` for an endpoint that is annotated as an iterable of squares, or of lists of them."""
    item = get_stream_item_type(get_typed_return_annotation(endpoint))
    if item is ServerSentEvent:  # which says nothing of its data
        return Any
    return get_args(item)[0] if get_origin(item) is list else item


def describe_streams(app: FastAPI) -> None:
    """Let `app.openapi()` describe the items of `response_class`es that are `StreamResponse`s."""
    generate = app.openapi
    described: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        nonlocal described
        document = generate()
        if document is not described:
            for route in iter_route_contexts(app.routes):
                _describe(route, document)
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            schemas.setdefault(Problem.__name__, Problem.model_json_schema())
            described = document
        return document

    app.openapi = openapi


def add_openapi_3_1(app: FastAPI) -> None:
    """Serve it beside the document of 3.2, and not at all where an app has turned that off."""

    async def openapi_3_1(request: Request) -> JSONResponse:
        document = {**without_streams(app.openapi()), "openapi": "3.1.1"}
        if root_path := request.scope.get("root_path"):
            document["servers"] = [{"url": root_path}, *document.get("servers", [])]
        return JSONResponse(document)

    if app.openapi_url:
        url = f"{app.openapi_url.removesuffix('.json')}-3.1.json"
        app.add_route(url, openapi_3_1, include_in_schema=False)


def without_streams(part: Any) -> Any:
    """A part of a document where a stream of items is a text: OpenAPI 3.1 has no more to say."""
    if isinstance(part, list):
        return [*map(without_streams, part)]
    if not isinstance(part, dict):
        return part
    if "serializedValue" in part:
        return {"value": part["serializedValue"]}
    made = {name: without_streams(inner) for name, inner in part.items()}
    if isinstance(content := part.get("content"), dict):
        made["content"] = {kind: _as_text(media) for kind, media in content.items()}
    return made


def _as_text(media: Any) -> Any:
    if not isinstance(media, dict) or "itemSchema" not in media:
        return without_streams(media) or {"schema": {}}  # which some programs miss
    rest = {name: inner for name, inner in media.items() if name != "itemSchema"}
    return {"schema": {"type": "string"}, **without_streams(rest)}


def _describe(route: RouteContext, document: dict[str, Any]) -> None:
    """Where there is an item type, and JSON Schema has words for it."""
    kind: Any = getattr(route, "response_class", None)
    is_stream = isinstance(kind, type) and issubclass(kind, StreamResponse)
    item = item_type(route.endpoint) if is_stream and route.endpoint else None
    operations = document.get("paths", {}).get(route.path_format, {})
    for method in {method.lower() for method in route.methods or ()} & operations.keys():
        content = operations[method]["responses"][str(route.status_code or 200)].get("content", {})
        with suppress(PydanticUserError):
            if item is not None and kind.media_type in content:
                schema = _schema_of(item, route.unique_id, document)
                content[kind.media_type] = kind.describe(schema) or content[kind.media_type]


def _schema_of(item: Any, route: str, document: dict[str, Any]) -> dict[str, Any]:
    """A reference to a component; where another has its name, that of the route is added."""
    components = document.setdefault("components", {}).setdefault("schemas", {})
    for suffix in ("", f"-{route}"):
        schema = TypeAdapter(list[item]).json_schema(
            mode="serialization", ref_template=REFERENCE + suffix
        )
        definitions = {f"{name}{suffix}": own for name, own in schema.get("$defs", {}).items()}
        if all(components.get(name, own) == own for name, own in definitions.items()):
            break
    components.update(definitions)
    return schema["items"]
