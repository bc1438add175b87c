"""Names of tables as names of files."""

import re
from urllib.parse import quote

# What is no name of a file anywhere, or ends the quoted form.
NOT_IN_NAMES = re.compile(r'[\x00-\x1f\x7f"\\/:*?<>|]')


def attachment(file_name: str) -> str:
    """`Content-Disposition` for a browser that saves: RFC 6266, with its form for other letters."""
    file_name = NOT_IN_NAMES.sub("_", file_name)
    in_ascii = file_name.encode("ascii", "replace").decode().replace("?", "_")
    header = f'attachment; filename="{in_ascii}"'
    if in_ascii == file_name:
        return header
    return f"{header}; filename*=UTF-8''{quote(file_name, safe='')}"
