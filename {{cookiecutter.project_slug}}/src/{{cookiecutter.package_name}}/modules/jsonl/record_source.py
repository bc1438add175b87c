from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter, itemgetter
from typing import Any

import anyio
import pyarrow as pa
from pydantic import BaseModel


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
    def batches(self, query: RecordQuery) -> AsyncIterable[Any] | Iterable[Any]:
        """Yield the records behind `query.after` that there are now, in the order of their key.

        Arrow data has the columns `query.fields`; records, in lists or alone, may have more: dicts,
        models, rows, or any objects that have the fields of `record` as attributes. Where there is
        no record, an empty Arrow batch tells CSV the columns. What is raised before the first
        batch becomes an error status.
        """

    async def wait_for_more(self) -> None:
        """Return when there may be new records; a source that is not told of them need not.

        It is cancelled after a second, and called again. In any case the source is asked again
        after `JSONL_FOLLOW_SECONDS`.
        """
        await anyio.sleep_forever()


def last_key(item: Any, key: str) -> Any:
    """The key of the last record of a batch, or of a single record."""
    if isinstance(item, pa.RecordBatch):
        return item.column(key)[-1].as_py()
    record = item[-1] if isinstance(item, list) else item
    return values_getter(type(record), key)(record)


@lru_cache(1024)
def values_getter(record_type: type, *names: str) -> Callable[[Any], Any]:
    """What gets values from a record: by their names, or the attributes of an object."""
    has_names = hasattr(record_type, "keys") and hasattr(record_type, "__getitem__")
    return itemgetter(*names) if has_names else attrgetter(*names)
