"""What OpenAPI says of the answers that carry a content."""

from fastapi import HTTPException

from ..streaming.answers import STREAM_PROBLEMS, Responses, headers, problems
from .representation import ContentChanged, NotOffered

OF_VERSIONS = ("ETag", "Last-Modified", "Vary")
OF_CONTENTS = ("Accept-Ranges", "Cache-Control", "Content-Disposition", "Repr-Digest")
HEADERS = (*OF_VERSIONS, *OF_CONTENTS, "X-Content-Type-Options")
BYTES = {"content": {"application/octet-stream": {}}}

CONTENT: Responses = {
    200: {"description": "All of it", "headers": headers(*HEADERS, "Content-Encoding"), **BYTES},
    206: {
        "description": "The ranges that were asked for; several as `multipart/byteranges`",
        "headers": headers(*HEADERS, "Content-Encoding", "Content-Range"),
        **BYTES,
    },
    304: {"description": "The client has this version", "headers": headers(*OF_VERSIONS)},
    **problems(
        STREAM_PROBLEMS,
        {404: [NotOffered], 412: [HTTPException], 416: [HTTPException]},
        {503: [ContentChanged]},
    ),
}
CONTENT[416]["headers"] |= headers("Content-Range")
