"""The transport: bytes and events on their way to a client (docs/streaming.md)."""

from .application import add_streaming
from .responses import EventStreamResponse, FileStreamResponse, StreamResponse
from .routing import ProblemRouter
from .shutdown import ShuttingDown, drain
from .supervision import keep_running

__all__ = [
    "EventStreamResponse",
    "FileStreamResponse",
    "ProblemRouter",
    "ShuttingDown",
    "StreamResponse",
    "add_streaming",
    "drain",
    "keep_running",
]
