"""The transport: bytes and events on their way to a client (docs/streaming.md)."""

from .application import add_streaming
from .responses import EventStreamResponse, FileStreamResponse, StreamResponse
from .shutdown import ShuttingDown, drain

__all__ = [
    "EventStreamResponse",
    "FileStreamResponse",
    "ShuttingDown",
    "StreamResponse",
    "add_streaming",
    "drain",
]
