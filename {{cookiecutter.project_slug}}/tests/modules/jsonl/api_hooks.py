"""What schemathesis cannot read from OpenAPI: which texts are cursors, and which streams end."""

from typing import Any

import schemathesis

from {{ cookiecutter.package_name }}.modules.jsonl import (
    cursors,
)

CURSORS = cursors.Cursors("readings", ("id",))
LOCALES = ("de", "pt-BR", "und")


@schemathesis.hook
def before_call(context: Any, case: schemathesis.Case, kwargs: Any) -> None:
    query = case.query = case.query or {}
    if str(query.get("follow")).lower() in {"true", "1", "yes", "on", "t", "y"}:
        query["limit"] = 1
        query["follow"] = "false"
    if case.meta is None or case.meta.generation.mode.is_negative:
        return
    query.setdefault("limit", 100)
    if "after" in query:
        query["after"] = CURSORS.encode({"id": str(len(query["after"] or ""))})
    if "locale" in query:
        query["locale"] = LOCALES[len(query["locale"] or "") % len(LOCALES)]
