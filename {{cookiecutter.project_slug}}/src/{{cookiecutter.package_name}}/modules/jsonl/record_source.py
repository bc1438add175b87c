import re
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import anyio
import pyarrow as pa
from pydantic import AwareDatetime, BaseModel, BeforeValidator

from ...records.formats import Batch

RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.IGNORECASE)


def _check_time(value: Any) -> Any:
    if isinstance(value, str) and not RFC_3339.fullmatch(value):
        raise ValueError("a time is written as in 2026-01-31T12:00:00Z")
    return value


# A time in a filter. Pydantic alone would also take a number, for seconds or milliseconds.
Instant = Annotated[AwareDatetime, BeforeValidator(_check_time)]


class NoFilters(BaseModel):
    pass


@dataclass(frozen=True)
class RecordQuery:
    """What a source is asked for.

    `fields` are those that its batches must have, the key among them. `after` is the key of the
    last record that the reader has, and `limit` how many more it wants, at most; `None` is none.
    `filters` is an instance of the source's own model.
    """

    fields: list[str]
    after: Any
    limit: int | None
    filters: Any


class RecordSource(ABC):
    """Records of one type, in the order of a key.

    `record` is the type, for OpenAPI and for the fields that can be asked for; aliases and
    serializers of its fields are not used. `key` names its field that is unique, never changes and
    is never `None`: an `int`, a `str`, a `UUID`, a date, a time with a zone or a `Decimal`.
    `filters` declares query parameters, one for each field of the model. `headings` gives CSV the
    names of fields in a language: `{"de": {"value": "Messwert"}}`.
    """

    record: type[BaseModel]
    key: str
    filters: type[BaseModel] = NoFilters
    headings: Mapping[str, Mapping[str, str]] = {}

    @abstractmethod
    def batches(self, query: RecordQuery) -> AsyncGenerator[Batch, None]:
        """Yield the records behind `query.after` that there are now, in the order of their key.

        An Arrow record batch has the columns `query.fields`; a list has models, dataclasses,
        structs or dicts that may have more, and so has a record that comes alone. Where there is
        no record, an empty Arrow batch tells CSV the columns. What is raised before the first
        batch becomes an error status.
        """

    async def wait_for_more(self) -> None:
        """Return when there may be new records; a source that is not told of them need not.

        It is cancelled after a second, and called again. In any case the source is asked again
        after `JSONL_FOLLOW_SECONDS`.
        """
        await anyio.sleep_forever()


def field_of(record: Any, name: str) -> Any:
    return record[name] if isinstance(record, Mapping) else getattr(record, name)


def last_key(batch: Batch, key: str) -> Any:
    """The key of the last of one or more records."""
    if isinstance(batch, pa.RecordBatch):
        return batch.column(key)[-1].as_py()
    return field_of(batch[-1], key)
