import base64
from binascii import Error as Base64Error
from binascii import b2a_base64
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID
from zlib import crc32

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import AfterValidator, AwareDatetime, Field, TypeAdapter, ValidationError

ENCODER = msgspec.json.Encoder()
SQL_INTEGER = Annotated[int, Field(ge=-(2**63), lt=2**64)]
KEY_TYPES = (int, str, UUID, date, datetime, AwareDatetime, Decimal)
CHECKSUM_BYTES = 4


class Cursors:
    """The cursors of one source: its name and a key as JSON, and a checksum, in base64url.

    Clients keep them as they are (RFC 4648, section 5), so that what is in them may change. A key
    is of a type that JSON gives back as it was, or else raises `TypeError`; that of a table is the
    texts of its columns, whose names are given in place of the type.
    """

    def __init__(self, source: str, key: Any) -> None:
        self._source = source
        self._payload: TypeAdapter[tuple[str, Any]] = TypeAdapter(
            tuple[Literal[source], _key_type(source, key)]  # ty: ignore[invalid-type-form]
        )

    def encode(self, key: Any) -> str:
        """Raises `ValueError` for a time without a zone."""
        if isinstance(key, datetime) and key.tzinfo is None:
            raise ValueError(f"A key of {self._source!r} is a time without a zone: {key}")
        payload = ENCODER.encode((self._source, key))
        return base64.urlsafe_b64encode(payload + _checksum(payload)).rstrip(b"=").decode()

    def encode_all(self, keys: pa.Array) -> pa.Array:
        """The same for a column of keys, several times as fast as one by one."""
        payloads = ENCODER.encode_lines([(self._source, key) for key in keys.to_pylist()])
        encoded = [
            b2a_base64(line + _checksum(line), newline=False) for line in payloads.split(b"\n")[:-1]
        ]
        cursors = pa.array(encoded, pa.binary()).cast(pa.string())
        # pyarrow makes these functions when it is imported.
        cursors = pc.utf8_rtrim(cursors, "=")  # ty: ignore[missing-attribute]
        for letter, safe in (("+", "-"), ("/", "_")):
            cursors = pc.replace_substring(cursors, letter, safe)  # ty: ignore[missing-attribute]
        return cursors

    def decode(self, cursor: str) -> Any:
        """The key. Raises `ValueError` for what is not a cursor of this source, as it was sent."""
        try:
            padding = "=" * (-len(cursor) % 4)
            decoded = base64.b64decode(cursor + padding, altchars=b"-_", validate=True)
            payload, checksum = decoded[:-CHECKSUM_BYTES], decoded[-CHECKSUM_BYTES:]
            if checksum != _checksum(payload):
                raise ValueError("it was altered")
            return self._payload.validate_json(payload)[1]
        except (Base64Error, ValidationError, ValueError) as error:
            raise ValueError(f"this is not a cursor of {self._source!r}") from error


def _key_type(source: str, key: Any) -> Any:
    def check(columns: dict[str, str]) -> dict[str, str]:
        if [*columns] != [*key]:
            raise ValueError("it is of another key")
        return columns

    if isinstance(key, tuple):
        return Annotated[dict[str, str], AfterValidator(check)]
    if key not in KEY_TYPES:
        names = ", ".join(allowed.__name__ for allowed in KEY_TYPES)
        raise TypeError(f"The key of {source!r} is a {key}, and not one of {names}.")
    return SQL_INTEGER if key is int else key


def _checksum(payload: bytes) -> bytes:
    """So that a letter that was lost or changed on the way does not resume somewhere else."""
    return crc32(payload).to_bytes(CHECKSUM_BYTES)
