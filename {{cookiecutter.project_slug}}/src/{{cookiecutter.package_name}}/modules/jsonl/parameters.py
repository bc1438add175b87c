"""The query parameters of a source or a table, as a model that validates and describes them."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model

from ...records.filters import Conditions, asked, conditions_of, model_of, names_of
from ...records.tables import Description, ServedTable
from .cursors import Cursors
from .locales import parse_locale
from .record_source import RecordQuery, RecordSource

MOST_CURSOR_LETTERS = 4096


def _check_locale(tag: str) -> str:
    parse_locale(tag)
    return tag


class Parameters(BaseModel):
    """What every source can be asked. A parameter that there is not is an error."""

    model_config = ConfigDict(extra="forbid")

    after: Any = None
    limit: Annotated[int | None, Field(ge=1, lt=2**63, description="Most records to send.")] = None
    fields: list[Any] = []
    cursors: Annotated[
        bool, Field(description="Give each record its cursor, in a last field `@cursor`.")
    ] = False
    end: Annotated[
        bool | None, Field(description="End JSON Lines and NDJSON with an end record.")
    ] = None
    follow: Annotated[
        bool, Field(description="Stay, and send new records as they come (JSON Lines, NDJSON).")
    ] = False
    format: Annotated[
        Literal["jsonl", "ndjson", "json", "csv"] | None,
        Field(description="The format, in place of what `Accept` prefers."),
    ] = None
    download: Annotated[bool, Field(description="Let a browser save the records.")] = False
    locale: Annotated[
        str | None,
        AfterValidator(_check_locale),
        Field(description="Language tag of the spreadsheet that CSV is for; `und` is none."),
    ] = None
    integers: Annotated[
        Literal["number", "text"] | None,
        Field(description="How JSON has integers of 64 bits; as text no JavaScript rounds them."),
    ] = None
    bom: Annotated[
        bool, Field(description="Begin CSV with the byte order mark that Excel looks for.")
    ] = False


def source_parameters(name: str, source: RecordSource, cursors: Cursors) -> type[Parameters]:
    """The parameters of a source: those above, its fields and its filters.

    Raises `TypeError` for a filter that has the name of another parameter.
    """
    if taken := Parameters.model_fields.keys() & source.filters.model_fields:
        raise TypeError(f"The filters of {name!r} cannot have the names {', '.join(taken)}.")
    base: Any = (Parameters, source.filters)
    return create_model(
        f"{name}_parameters", __base__=base, **_fields([*source.record.model_fields], cursors)
    )


def table_parameters(
    table: ServedTable, description: Description, cursors: Cursors
) -> tuple[type[Parameters], Conditions]:
    """Those of a table, and which conditions its filters are."""
    conditions = conditions_of(description, Parameters.model_fields)
    fields = _fields([*description.columns], cursors)
    return model_of(f"{table.name}_parameters", Parameters, conditions, **fields), conditions


def _fields(names: list[str], cursors: Cursors) -> dict[str, Any]:
    return {
        "after": (
            Annotated[
                str | None,
                Field(max_length=MOST_CURSOR_LETTERS, description="Cursor: resume behind it."),
                AfterValidator(lambda cursor: cursor and cursors.decode(cursor)),
            ],
            None,
        ),
        "fields": names_of(names, "Fields to send, in their order: `a,b` or one each."),
    }


def source_query(source: RecordSource, parameters: Parameters) -> RecordQuery:
    filters = {name: getattr(parameters, name) for name in source.filters.model_fields}
    return RecordQuery(
        fields=list(dict.fromkeys([*parameters.fields, source.key])),
        after=parameters.after,
        limit=parameters.limit,
        filters=source.filters.model_construct(**filters),
    )


def table_query(parameters: Parameters, conditions: Conditions) -> RecordQuery:
    filters = asked(parameters, conditions)
    return RecordQuery(parameters.fields, parameters.after, parameters.limit, filters)
