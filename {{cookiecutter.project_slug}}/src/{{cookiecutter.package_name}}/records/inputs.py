"""What a user hands over, as what formats take: Arrow record batches, and lists of records.

Nothing is imported to know a kind of thing: what counts is what it can do.
"""

from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import aclosing
from dataclasses import is_dataclass
from functools import cache, lru_cache
from typing import Any, Literal

import duckdb
import msgspec
import pyarrow as pa
from pydantic import BaseModel, TypeAdapter

from ..streaming.threads import close, iterate_in_thread
from . import casts

Kind = Literal["record", "list", "batch", "arrow"]
# Their items are not records, and where they have none nothing else would tell.
NOT_SOURCES = (str, bytes, bytearray, memoryview, Mapping, BaseModel)
# The bytes of a record, until some were encoded.
WEIGHT = 1024
PLAIN = (dict, BaseModel, msgspec.Struct)
HINT = "Yield something with named values, or declare a model for objects that have attributes."


@lru_cache(1024)
def kind_of(item_type: type) -> Kind:
    """How an item is handled; a type that is no record is found out later, by `plain`."""
    if issubclass(item_type, pa.RecordBatch):
        return "batch"
    if hasattr(item_type, "__arrow_c_stream__") or hasattr(item_type, "__arrow_c_array__"):
        return "arrow"
    return "list" if issubclass(item_type, list) else "record"


def check_source(source: Any) -> None:
    """Raises `TypeError` for what nothing can be read from."""
    can_be_read = isinstance(source, (AsyncIterable, Iterable)) or kind_of(type(source)) != "record"
    if not can_be_read or isinstance(source, NOT_SOURCES):
        raise TypeError(
            f"A source is an iterable of records or Arrow data, not a {_name(type(source))}."
        )


async def read_items(source: Any) -> AsyncGenerator[Any, None]:
    """Yield the records, lists and record batches of a source, and close it.

    One that is not asynchronous is read in a thread, and so is Arrow data in one that is.
    """
    check_source(source)
    if not isinstance(source, AsyncIterable):
        async with aclosing(iterate_in_thread(flatten(source), weigh)) as groups:
            async for items in groups:
                for item in items:
                    yield item
        return
    iterator = aiter(source)
    try:
        async for item in iterator:
            if kind_of(type(item)) == "arrow":
                async with aclosing(read_items(item)) as batches:
                    async for batch in batches:
                        yield batch
            else:
                yield item
    finally:
        await close(iterator, source)


def flatten(source: Any) -> Iterator[Any]:
    """The same for a source that may block: to be read in one thread from first to last."""
    if kind_of(type(source)) in {"batch", "arrow"}:
        yield from _batches(source)
        return
    iterator = iter(source)
    passed: type | None = None
    try:
        for item in iterator:
            if type(item) is not passed and kind_of(type(item)) == "arrow":
                yield from _batches(item)
            else:
                passed = type(item)
                yield item
    except (KeyboardInterrupt, SystemExit) as error:
        raise source_failed(error) from error
    finally:
        for each in (iterator, source):
            if end := getattr(each, "close", None):
                end()


def source_failed(error: BaseException) -> RuntimeError:
    """What stands for an exception that would end the service, and not only the stream."""
    return RuntimeError(f"The source raised {type(error).__name__}.")


def count_of(item: Any) -> int:
    """How many records an item has."""
    return len(item) if isinstance(item, (pa.RecordBatch, list)) else 1


def weigh(item: Any, bytes_of_a_record: int = WEIGHT) -> int:
    """The bytes of an item, more or less."""
    return item.nbytes if isinstance(item, pa.RecordBatch) else count_of(item) * bytes_of_a_record


def _batches(data: Any) -> Iterator[pa.RecordBatch]:
    """The batches of Arrow data; where it has none, an empty one tells its columns."""
    if isinstance(data, duckdb.DuckDBPyRelation):
        data = casts.exact(data)
    try:
        if hasattr(data, "__arrow_c_stream__"):
            reader = pa.RecordBatchReader.from_stream(data)
        else:
            reader = pa.table(data).to_reader()
    except (pa.ArrowException, ValueError) as error:
        raise TypeError(f"{_name(type(data))} has Arrow data, but no columns: {error}") from error
    with reader:
        batch = next(reader, None)
        if batch is None:
            yield without_rows(reader.schema)
        else:
            yield batch
            yield from reader


def without_rows(schema: pa.Schema) -> pa.RecordBatch:
    """A batch that has nothing but columns; other ways to make one know no unions."""
    return pa.RecordBatch.from_arrays([pa.nulls(0, kind) for kind in schema.types], schema=schema)


def plain(records: Sequence[Any], model: type[BaseModel] | None = None) -> Sequence[Any]:
    """The records as models, dataclasses, msgspec structs or dicts.

    With a `model` they are made instances of it, by their fields or attributes. Raises `TypeError`
    for what is no record, and Pydantic's `ValidationError` for what does not fit `model`.
    """
    readers = {kind: _reader_of(kind, model) for kind in {*map(type, records)}}
    if any(readers.values()):
        records = [
            record if (read := readers[type(record)]) is None else read(record)
            for record in records
        ]
    return _list_of(model).validate_python(records, from_attributes=True) if model else records


@lru_cache(1024)
def _reader_of(
    record_type: type, model: type[BaseModel] | None
) -> Callable[[Any], dict[str, Any]] | None:
    """What makes a dict of a record of this type; `None` for one that is taken as it is."""
    if issubclass(record_type, PLAIN) or is_dataclass(record_type):
        return None
    if as_dict := getattr(record_type, "_asdict", None):
        return as_dict
    if hasattr(record_type, "keys") and hasattr(record_type, "__getitem__"):
        return dict
    if model and record_type.__module__ != "builtins":
        return None
    raise TypeError(f"A {_name(record_type)} is no record. {HINT}")


@cache
def _list_of(model: type[BaseModel]) -> TypeAdapter[list[Any]]:
    return TypeAdapter(list[model])  # ty: ignore[invalid-type-form]


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
