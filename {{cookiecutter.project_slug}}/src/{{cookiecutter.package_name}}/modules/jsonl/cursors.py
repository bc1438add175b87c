import base64
import binascii
from typing import Annotated, Any, Literal

import msgspec
from pydantic import Field, TypeAdapter, ValidationError

SQL_BIGINT = Annotated[int, Field(ge=-(2**63), lt=2**63)]


class Cursors:
    """The cursors of one source: its name and a key as JSON, in base64url (RFC 4648, section 5).

    Clients keep them as they are, so that what is in them may change.
    """

    def __init__(self, source: str, key_type: Any) -> None:
        key = SQL_BIGINT if key_type is int else key_type
        self._source = source
        self._payload: TypeAdapter[tuple[str, Any]] = TypeAdapter(
            tuple[Literal[source], key]  # ty: ignore[invalid-type-form]
        )

    def encode(self, key: Any) -> str:
        payload = msgspec.json.encode((self._source, key))
        return base64.urlsafe_b64encode(payload).rstrip(b"=").decode()

    def decode(self, cursor: str) -> Any:
        """The key. Raises `ValueError` for what is not a cursor of this source."""
        try:
            padding = "=" * (-len(cursor) % 4)
            payload = base64.b64decode(cursor + padding, altchars=b"-_", validate=True)
            return self._payload.validate_json(payload)[1]
        except (binascii.Error, ValidationError) as error:
            raise ValueError(f"this is not a cursor of {self._source!r}") from error
