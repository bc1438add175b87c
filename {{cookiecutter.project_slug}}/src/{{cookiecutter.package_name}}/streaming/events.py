"""Server-sent events (WHATWG HTML, section 9.2)."""

from typing import Any

from fastapi.sse import ServerSentEvent, format_sse_event
from pydantic_core import to_json


def encode_event(item: Any) -> bytes:
    """An event; `bytes` are one already, and anything but a `ServerSentEvent` is the data of one.

    Raises `ValueError` for data that has no form in JSON.
    """
    if isinstance(item, bytes):
        return item
    event = item if isinstance(item, ServerSentEvent) else ServerSentEvent(data=item)
    has_data = event is not item or event.data is not None
    data = to_json(event.data, inf_nan_mode="null").decode() if has_data else event.raw_data
    return format_sse_event(
        data_str=data, event=event.event, id=event.id, retry=event.retry, comment=event.comment
    )


def describe_event(data_schema: dict[str, Any]) -> dict[str, Any]:
    """What OpenAPI says of a stream of events with such data (OpenAPI 3.2, section 4.14.4)."""
    data = {"type": "string", "contentMediaType": "application/json", "contentSchema": data_schema}
    fields = {"event": {"type": "string"}, "id": {"type": "string"}, "retry": {"type": "integer"}}
    properties = {"data": data, **fields}
    return {"itemSchema": {"type": "object", "required": ["data"], "properties": properties}}
