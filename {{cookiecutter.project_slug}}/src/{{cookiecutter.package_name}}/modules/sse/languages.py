"""The language of a subscriber."""

import re
from collections.abc import Sequence

RANGE = re.compile(r"\s*([\w*-]+)\s*(?:;\s*q=([01](?:\.\d{0,3})?))?\s*", re.ASCII)


def choose_language(accept_language: str, offered: Sequence[str]) -> str:
    """The one that `Accept-Language` prefers (RFC 4647, section 3.4), or the first.

    `de-CH` takes `de`; what cannot be parsed counts as not said.
    """
    tags = {tag.lower(): tag for tag in offered}
    found = [match for part in accept_language.split(",") if (match := RANGE.fullmatch(part))]
    for match in sorted(found, key=lambda match: -float(match[2] or 1)):
        wanted = match[1].lower()
        while wanted and float(match[2] or 1) > 0:
            if wanted in tags:
                return tags[wanted]
            wanted = wanted.rpartition("-")[0]
    return offered[0]
