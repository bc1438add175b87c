"""Whether an answer is what OpenAPI says of its operation."""

from typing import Any

import httpx2

# What every answer has, of HTTP itself and of its connection, and what describes any body.
GENERAL = {"connection", "content-length", "content-type", "date", "server", "transfer-encoding"}


def undocumented(openapi: dict[str, Any], path: str, answer: httpx2.Response) -> list[str]:
    """What an answer has that its operation does not name: a status, a header, a type.

    `path` is that of the document; a problem is looked for by its `type` among the examples.
    """
    operation = openapi["paths"][path][answer.request.method.lower()]
    described = operation["responses"].get(str(answer.status_code))
    if described is None:
        return [f"status {answer.status_code}"]
    headers = {name.lower() for name in described.get("headers", {})}
    missing = [f"header {name}" for name in answer.headers if name not in headers | GENERAL]
    media_type = answer.headers.get("content-type", "").partition(";")[0]
    content = described.get("content", {})
    if media_type and media_type not in content and "application/octet-stream" not in content:
        missing.append(f"media type {media_type}")
    if media_type == "application/problem+json":
        problem = answer.json()["type"]
        examples = content.get(media_type, {}).get("examples", {}).values()
        if problem not in [each["value"]["type"] for each in examples]:
            missing.append(f"problem {problem}")
    return missing
