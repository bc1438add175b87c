from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from ...records.filters import Conditions, conditions_of, model_of, names_of
from ...records.formats import Compression
from ...records.tables import Description, ServedTable


class Parameters(BaseModel):
    """What every export can be asked. A parameter that there is not is an error."""

    model_config = ConfigDict(extra="forbid")

    format: Annotated[
        Literal["csv", "jsonl", "parquet", "arrow"], Field(description="Format of the file.")
    ] = "csv"
    compression: Annotated[
        Compression | None,
        Field(description="Within the file; Parquet has `zstd` otherwise, and Arrow `none`."),
    ] = None
    end: Annotated[bool, Field(description="End JSON Lines with an end record.")] = False

    @field_validator("compression")
    @classmethod
    def _has_compression(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value and info.data.get("format") in {"csv", "jsonl"}:
            raise ValueError("this format has no compression of its own; ask by Accept-Encoding")
        return value


class TableParameters(Parameters):
    columns: list[str] = []


def table_parameters(
    table: ServedTable, description: Description
) -> tuple[type[TableParameters], Conditions]:
    """The parameters of a table, and which conditions its filters are."""
    conditions = conditions_of(description, TableParameters.model_fields)
    columns = names_of(
        description.schema.names, "Columns to send, in their order: `a,b` or one each."
    )
    name = f"{table.name}_export_parameters"
    return model_of(name, TableParameters, conditions, columns=columns), conditions
