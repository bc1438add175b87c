"""`Range` (RFC 9110, section 14)."""

import re

SET = re.compile(r"bytes[ \t]*=(?P<specs>.+)", re.ASCII | re.IGNORECASE)
SPEC = re.compile(r"(?P<first>\d+)-(?P<last>\d*)|-(?P<suffix>\d+)", re.ASCII)
