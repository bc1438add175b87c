"""Query parameters that a table brings along, by the types of its columns."""

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, TypeVar
from uuid import UUID

from fastapi.exceptions import RequestValidationError
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    Field,
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
CLOCK = r"\d\d:\d\d:\d\d(\.\d+)?"
Endless = Literal["infinity", "-infinity"]
LARGEST_FLOAT = float.fromhex("0x1.fffffep+127")  # of four bytes


def _written(pattern: str, example: str) -> BeforeValidator:
    """Pydantic alone would also take a number for a time, as seconds or milliseconds."""

    def check(value: Any) -> Any:
        if isinstance(value, str) and not re.fullmatch(pattern, value, re.IGNORECASE):
            raise ValueError(f"this is written as in {example}")
        return value

    return BeforeValidator(check)


Instant = Annotated[
    AwareDatetime, _written(rf"{DATE}T{CLOCK}(Z|[+-]\d\d:\d\d)", "2026-01-31T12:00:00Z")
]
# An instant in UTC, too: so it arrives where a column tells of no zone.
LOCAL = rf"{DATE}([T ]{CLOCK}Z?)?"
Local = Annotated[datetime, _written(LOCAL, "2026-01-31T12:00:00")]
Date = Annotated[date, _written(DATE, "2026-01-31")]

# No database takes the character of the number 0 in the text of a statement.
WITHOUT_NUL = r"^[^\x00]*$"
Text = Annotated[str, Field(pattern=WITHOUT_NUL)]


class Kind(NamedTuple):
    """Types of columns whose values are written alike: what reads one, and its JSON Schema."""

    sql_types: str
    reader: Any
    json_type: str
    has_ranges: bool = True
    format: str | None = None
    pattern: str | None = None


WITHOUT_EQUALITY = (
    "JSON|JSONB|XML|POINT|LINE|LSEG|BOX|PATH|POLYGON|CIRCLE|GEOMETRY|BLOB|BYTEA|VARIANT|NULL"
)
KINDS = (
    Kind("U?(TINY|SMALL|BIG|HUGE)?INT|INTEGER|UINTEGER|BIGNUM", int, "integer"),
    Kind("(DECIMAL|NUMERIC).*", Annotated[Decimal, Field(allow_inf_nan=True)], "number"),
    Kind("DOUBLE.*|REAL|FLOAT", float, "number"),
    Kind("BOOLEAN", bool, "boolean", has_ranges=False),
    Kind("TIMESTAMP(_NS)? WITH TIME ZONE", Instant | Endless, "string", format="date-time"),
    Kind("TIMESTAMP.*", Local | Endless, "string", pattern=f"^({LOCAL}|-?infinity)$"),
    Kind("DATE", Date | Endless, "string", format="date"),
    Kind("UUID", UUID, "string", has_ranges=False, format="uuid"),
    Kind(r"ENUM\(.*\)", str, "string", has_ranges=False),
    Kind(
        "VARCHAR.*|TEXT|CHARACTER VARYING|BPCHAR|NAME"
        "|TIME.*|INTERVAL|INET|CIDR|MACADDR8?|MONEY|BIT.*|VARBIT",
        Text,
        "string",
        pattern=WITHOUT_NUL,
    ),
    # Those of PostgreSQL that have no name here, as its enumerations; but not what has no `=`.
    Kind(
        f"(?!({WITHOUT_EQUALITY})$).*[^])]", Text, "string", has_ranges=False, pattern=WITHOUT_NUL
    ),
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
            WithJsonSchema(_schema(kind, column)),
            Field(alias=parameter, description=f"Only rows {of_which}."),
        ],
        None,
    )


def _schema(kind: Kind, column: Column) -> dict[str, Any]:
    """What is outside of it would be refused by the database."""
    texts = {"format": kind.format, "pattern": kind.pattern}
    schema: dict[str, Any] = {name: text for name, text in texts.items() if text}
    if column.integers:
        schema |= {"minimum": column.integers[0], "maximum": column.integers[-1]}
    if decimal := re.fullmatch(r"DECIMAL\((\d+), ?(\d+)\)", column.sql_type):
        digits, scale = map(int, decimal.groups())
        schema |= _between(float(Decimal(10**digits - 1).scaleb(-scale)))
    if column.sql_type.upper() in ("FLOAT", "REAL"):
        schema |= _between(LARGEST_FLOAT)
    if column.sql_type.startswith("ENUM("):
        labels = re.findall(r"'((?:[^']|'')*)'", column.sql_type)
        schema["enum"] = [label.replace("''", "'") for label in labels]
    return {"type": kind.json_type, **schema}


def _between(largest: float) -> dict[str, Any]:
    return {"minimum": -largest, "maximum": largest}
