from typing import Annotated

from fastapi import Depends, Header, HTTPException, Query
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from ...streaming.formats import Csv, Encoder, JsonArray, JsonLines, NdJson
from .settings import JsonlSettings

MEDIA_TYPES = [format.media_type for format in (JsonLines, NdJson, JsonArray, Csv)]


def negotiate(
    accept: Annotated[str, Header(description=f"One of {', '.join(MEDIA_TYPES)}.")] = "*/*",
    end: Annotated[
        bool | None, Query(description="End JSON Lines and NDJSON with an end record.")
    ] = None,
) -> Encoder:
    """The format that `Accept` prefers (RFC 9110, section 12.5.1); JSON Lines if it is open."""
    best = parse_accept_header(accept or "*/*", MIMEAccept).best_match(MEDIA_TYPES)
    end_record = JsonlSettings().end_record if end is None else end
    match best:
        case JsonLines.media_type:
            return JsonLines(end_record=end_record)
        case NdJson.media_type:
            return NdJson(end_record=end_record)
        case JsonArray.media_type:
            return JsonArray()
        case Csv.media_type:
            return Csv()
    raise HTTPException(406, f"Accept one of {', '.join(MEDIA_TYPES)}.")


NegotiatedEncoder = Annotated[Encoder, Depends(negotiate)]
