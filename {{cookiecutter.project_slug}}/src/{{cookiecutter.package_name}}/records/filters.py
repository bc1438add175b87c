"""Query parameters that a table brings along, by the types of its columns."""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, NamedTuple, TypeVar
from uuid import UUID

from fastapi.exceptions import RequestValidationError
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    Field,
    NaiveDatetime,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
    create_model,
)
from starlette.datastructures import QueryParams

from .catalog import Column
from .tables import Condition, Description

Model = TypeVar("Model", bound=BaseModel)
# The filters of a table by their parameters: a column, and an operator of SQL.
Conditions = Mapping[str, tuple[Column, str]]

DATE = r"\d{4}-\d\d-\d\d"
TIME = r"T\d\d:\d\d:\d\d(\.\d+)?"
ZONE = r"(Z|[+-]\d\d:\d\d)"
RFC_3339 = re.compile(f"{DATE}{TIME}{ZONE}", re.IGNORECASE)


def _check_time(value: Any) -> Any:
    if isinstance(value, str) and not RFC_3339.fullmatch(value):
        raise ValueError("a time is written as in 2026-01-31T12:00:00Z")
    return value


# A time in a filter. Pydantic alone would also take a number, for seconds or milliseconds.
Instant = Annotated[AwareDatetime, BeforeValidator(_check_time)]


# No database takes the character of the number 0 in the text of a statement.
WITHOUT_NUL = r"^[^\x00]*$"
Text = Annotated[str, Field(pattern=WITHOUT_NUL)]


class Kind(NamedTuple):
    """Types of columns whose values are written alike: what reads one, and its JSON Schema."""

    sql_types: str
    reader: Any
    json_type: str
    json_format: str | None = None
    has_ranges: bool = True


WITHOUT_EQUALITY = "JSON|JSONB|XML|POINT|LINE|LSEG|BOX|PATH|POLYGON|CIRCLE|BLOB|BYTEA|VARIANT|NULL"
KINDS = (
    Kind("U?(TINY|SMALL|BIG|HUGE)?INT|INTEGER|UINTEGER|BIGNUM", int, "integer"),
    Kind("(DECIMAL|NUMERIC).*", Decimal, "number"),
    Kind("DOUBLE.*|REAL|FLOAT", float, "number"),
    Kind("BOOLEAN", bool, "boolean", has_ranges=False),
    Kind("TIMESTAMP WITH TIME ZONE", Instant, "string", "date-time"),
    Kind("TIMESTAMP.*", NaiveDatetime, "string"),
    Kind("DATE", date, "string", "date"),
    Kind("UUID", UUID, "string", "uuid", has_ranges=False),
    Kind(r"ENUM\(.*\)", str, "string", has_ranges=False),
    Kind("VARCHAR.*|TEXT|CHARACTER VARYING|BPCHAR|NAME", Text, "string"),
    Kind("TIME.*|INTERVAL|INET|CIDR|MACADDR8?|MONEY|BIT.*|VARBIT", Text, "string"),
    # Those of PostgreSQL that have no name here, as its enumerations; but not what has no `=`.
    Kind(f"(?!({WITHOUT_EQUALITY})$).*[^])]", Text, "string", has_ranges=False),
)
# How a parameter's name ends, its operator in SQL, and what it leaves.
RANGES = (("_from", ">=", "from this value on"), ("_before", "<", "before this value"))


def conditions_of(description: Description, taken: Iterable[str]) -> Conditions:
    """The filters of a table by their parameters: its columns, and then the ends of ranges.

    A column that has the name of another parameter is not filtered by its value.
    """
    columns = [
        (column, kinds[0])
        for column in description.columns.values()
        if column.name in description.filters and (kinds := _kinds_of(column))
    ]
    conditions = {column.name: (column, "=") for column, _ in columns}
    for column, kind in columns:
        for ending, operator, _ in RANGES if kind.has_ranges else ():
            conditions.setdefault(f"{column.name}{ending}", (column, operator))
    for name in taken:
        conditions.pop(name, None)
    return conditions


def model_of(name: str, base: type[Model], conditions: Conditions, **fields: Any) -> type[Model]:
    """A model of query parameters: those of `base`, `fields`, and the filters of a table."""
    filters = {
        f"filter_{number}": _filter(parameter, column, operator)
        for number, (parameter, (column, operator)) in enumerate(conditions.items())
    }
    return create_model(name, __base__=base, **fields, **filters)


def names_of(names: list[str], description: str) -> Any:
    """A parameter that names columns; one that is named twice is there once."""

    def check(values: list[str]) -> list[str]:
        found = list(dict.fromkeys(name for value in values for name in _split(value, names)))
        if unknown := [name for name in found if name not in names]:
            others = f" nor are {len(unknown) - 1} others," if unknown[1:] else ""
            raise ValueError(f"{unknown[0]!r} is none,{others} but {', '.join(map(repr, names))}")
        return found

    schema = {"type": "array", "items": {"type": "string", "enum": names}}
    return (
        Annotated[
            list[str],
            AfterValidator(check),
            WithJsonSchema(schema),
            Field(description=description),
        ],
        names,
    )


def _split(value: str, names: list[str]) -> list[str]:
    """A column may have a comma in its name."""
    return [value] if value in names else value.split(",")


def asked(parameters: BaseModel, conditions: Conditions) -> list[Condition]:
    """The filters that a request has."""
    values = (getattr(parameters, f"filter_{number}") for number in range(len(conditions)))
    return [
        Condition(parameter, column, operator, value)
        for (parameter, (column, operator)), value in zip(conditions.items(), values, strict=True)
        if value is not None
    ]


def parse(model: type[Model], query: QueryParams) -> Model:
    """Raises `RequestValidationError`, which names what is wrong, or there twice, or not at all."""
    values: dict[str, Any] = {}
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    errors: list[Any] = []
    for name in query:
        found = query.getlist(name)
        is_list = name in fields and isinstance(fields[name].default, list)
        values[name] = found if is_list else found[-1]
        if len(found) > 1 and not is_list:
            errors.append({"loc": ("query", name), "msg": "this is given more than once"})
    try:
        parameters = model.model_validate(values)
    except ValidationError as error:
        errors += [{**each, "loc": ("query", *each["loc"])} for each in error.errors()]
    if errors:
        raise RequestValidationError(errors)
    return parameters


def _kinds_of(column: Column) -> list[Kind]:
    """The first is the nearest; a column of none is not filtered."""
    return [kind for kind in KINDS if re.fullmatch(kind.sql_types, column.sql_type, re.IGNORECASE)]


def _filter(parameter: str, column: Column, operator: str) -> tuple[Any, Any]:
    [kind, *_] = _kinds_of(column)
    ranges = {operator: text for _, operator, text in RANGES}
    of_which = (
        f"with {column.name!r} {ranges[operator]}"
        if operator in ranges
        else f"of this {column.name!r}"
    )
    schema = {"type": kind.json_type}
    if kind.json_format:
        schema["format"] = kind.json_format
    if kind.reader is Text:
        schema["pattern"] = WITHOUT_NUL
    adapter = TypeAdapter(kind.reader)

    def check(text: str) -> str:
        try:
            value = adapter.validate_strings(text)
        except ValidationError as error:
            raise ValueError(error.errors()[0]["msg"]) from error
        return str(value).lower() if kind.reader is bool else text

    return (
        Annotated[
            str | None,
            AfterValidator(lambda text: text if text is None else check(text)),
            WithJsonSchema(schema),
            Field(alias=parameter, description=f"Only rows {of_which}."),
        ],
        None,
    )
