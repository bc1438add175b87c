"""The columns of a Pydantic model, for files that have no record to tell them by."""

from collections.abc import Iterable
from dataclasses import is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import pyarrow as pa
from pydantic import BaseModel

from .inputs import without_rows

TYPES = {
    bool: pa.bool_(),
    int: pa.int64(),
    float: pa.float64(),
    bytes: pa.binary(),
    datetime: pa.timestamp("us", "UTC"),
    date: pa.date32(),
    time: pa.time64("us"),
    timedelta: pa.duration("us"),
    Decimal: pa.decimal128(38, 9),
    str: pa.string(),
    UUID: pa.string(),
}


def empty_batch(model: type[BaseModel]) -> pa.RecordBatch:
    return without_rows(pa.schema(_fields(model)))


def _fields(model: type[Any]) -> list[pa.Field]:
    if not issubclass(model, BaseModel):
        return [pa.field(name, _type_of(hint)) for name, hint in get_type_hints(model).items()]
    by_alias = model.model_config.get("serialize_by_alias")
    fields = [
        ((by_alias and field.serialization_alias) or name, field.annotation)
        for name, field in model.model_fields.items()
        if not field.exclude
    ]
    computed = [(name, f.return_type) for name, f in model.model_computed_fields.items()]
    return [pa.field(name, _type_of(hint)) for name, hint in [*fields, *computed]]


def _type_of(hint: Any) -> pa.DataType:
    """Text for what has no type in Arrow."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _type_of(arguments[0])
    if origin in {Union, UnionType}:
        kinds = {_type_of(argument) for argument in arguments if argument is not NoneType}
        return kinds.pop() if len(kinds) == 1 else pa.string()
    if origin is Literal:
        return _type_of(type(arguments[0]))
    if not isinstance(origin or hint, type):
        return pa.string()
    return _type_of_class(origin or hint, arguments)


def _type_of_class(kind: type[Any], arguments: tuple[Any, ...]) -> pa.DataType:
    if issubclass(kind, Enum):
        return _type_of(type(next(iter(kind)).value))
    if issubclass(kind, BaseModel) or is_dataclass(kind):
        return pa.struct(_fields(kind))
    for known, data_type in TYPES.items():
        if issubclass(kind, known):
            return data_type
    is_list = issubclass(kind, Iterable) and not hasattr(kind, "keys")
    return pa.list_(_type_of(arguments[0])) if is_list and arguments else pa.string()
