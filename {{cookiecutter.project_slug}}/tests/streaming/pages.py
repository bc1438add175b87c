import re
from pathlib import Path


def python_blocks(page: Path) -> list[str]:
    """The code that a page of the docs shows."""
    text = page.read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
