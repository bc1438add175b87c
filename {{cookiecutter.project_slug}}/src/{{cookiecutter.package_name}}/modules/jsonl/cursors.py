import base64
from binascii import Error as Base64Error
from binascii import b2a_base64
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError

ENCODER = msgspec.json.Encoder()
SQL_INTEGER = Annotated[int, Field(ge=-(2**63), lt=2**64)]
KEY_TYPES = (int, str, UUID, date, datetime, AwareDatetime, Decimal)


class Cursors:
    """The cursors of one source: its name and a key as JSON, in base64url (RFC 4648, section 5).

    Clients keep them as they are, so that what is in them may change. Raises `TypeError` for a type
    of keys that JSON does not give back as it was.
    """

    def __init__(self, source: str, key_type: Any) -> None:
        if key_type not in KEY_TYPES:
            names = ", ".join(allowed.__name__ for allowed in KEY_TYPES)
            raise TypeError(f"The key of {source!r} is a {key_type}, and not one of {names}.")
        key = SQL_INTEGER if key_type is int else key_type
        self._source = source
        self._payload: TypeAdapter[tuple[str, Any]] = TypeAdapter(
            tuple[Literal[source], key]  # ty: ignore[invalid-type-form]
        )

    def encode(self, key: Any) -> str:
        """Raises `ValueError` for a time without a zone."""
        if isinstance(key, datetime) and key.tzinfo is None:
            raise ValueError(f"A key of {self._source!r} is a time without a zone: {key}")
        payload = ENCODER.encode((self._source, key))
        return base64.urlsafe_b64encode(payload).rstrip(b"=").decode()

    def encode_all(self, keys: pa.Array) -> pa.Array:
        """The same for a column of keys, several times as fast as one by one."""
        payloads = ENCODER.encode_lines([(self._source, key) for key in keys.to_pylist()])
        encoded = [b2a_base64(line, newline=False) for line in payloads.split(b"\n")[:-1]]
        cursors = pa.array(encoded, pa.binary()).cast(pa.string())
        # pyarrow makes these functions when it is imported.
        cursors = pc.utf8_rtrim(cursors, "=")  # ty: ignore[missing-attribute]
        for letter, safe in (("+", "-"), ("/", "_")):
            cursors = pc.replace_substring(cursors, letter, safe)  # ty: ignore[missing-attribute]
        return cursors

    def decode(self, cursor: str) -> Any:
        """The key. Raises `ValueError` for what is not a cursor of this source."""
        try:
            padding = "=" * (-len(cursor) % 4)
            payload = base64.b64decode(cursor + padding, altchars=b"-_", validate=True)
            return self._payload.validate_json(payload)[1]
        except (Base64Error, ValidationError) as error:
            raise ValueError(f"this is not a cursor of {self._source!r}") from error
