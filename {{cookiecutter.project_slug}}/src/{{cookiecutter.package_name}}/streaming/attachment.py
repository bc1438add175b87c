"""Under which name clients save what they are sent."""

import re
from urllib.parse import quote

# What no client reads in another way in a quoted string (RFC 6266, appendix D).
NOT_PLAIN = re.compile(r"[^ !#$&-\[\]-~]")
ATTRIBUTE_CHARACTERS = "!#$&+-.^_`|~"  # RFC 8187, section 3.2.1


def attachment(name: str) -> str:
    """`Content-Disposition` with the name in ASCII, and for who reads RFC 8187 as it is."""
    name = name.replace("/", "_")
    plain = NOT_PLAIN.sub("_", name)
    exact = f"; filename*=UTF-8''{quote(name, safe=ATTRIBUTE_CHARACTERS)}" if plain != name else ""
    return f'attachment; filename="{plain}"{exact}'
