"""Which answer a request for a representation gets (RFC 9110, sections 13 and 14)."""

from typing import NamedTuple

from starlette.datastructures import Headers

from .representation import Representation


class Decision(NamedTuple):
    status: int
    """200, 206, 304, 412 or 416."""
    spans: tuple[range, ...] = ()
    """The bytes to send, in this order; the whole with 200."""


def decide(method: str, request: Headers, representation: Representation) -> Decision:
    """In the order of section 13.2.2. Anything malformed is as if it were not there."""
    raise NotImplementedError
