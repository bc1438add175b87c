"""Responses that make bytes of records: to be returned, or the `response_class` of an endpoint."""

from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from typing import Any, ClassVar

from pydantic import BaseModel
from starlette.types import Scope

from ..streaming.openapi import item_type
from ..streaming.responses import StreamResponse
from .batching import encode_batches
from .formats import ArrowStream, Csv, Encoder, JsonArray, JsonLines, NdJson, Parquet


class RecordResponse(StreamResponse):
    """A stream of records in one format; its content is a source, see `encode_batches`.

    A subclass chooses the format's options in `make_encoder`. Records are made instances of
    `model`: without one, of the Pydantic model that the endpoint is annotated with, as in
    `-> AsyncIterable[Square]`.
    """

    format: ClassVar[type[Encoder]]

    def __init__(
        self,
        content: AsyncIterable[Any] | Iterable[Any],
        status_code: int = 200,  # FastAPI looks for its default
        *args: Any,
        model: type[BaseModel] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(content, status_code, *args, **options)
        self._model = model

    def make_chunks(self, scope: Scope) -> AsyncGenerator[bytes, None]:
        model = self._model or item_type(scope["endpoint"])
        is_model = isinstance(model, type) and issubclass(model, BaseModel)
        model = model if is_model else None
        encoder = self.make_encoder()
        self.headers.update(encoder.headers)
        return encode_batches(self.content, encoder, model=model)

    def make_encoder(self) -> Encoder:
        return self.format()


class JsonLinesResponse(RecordResponse):
    format = JsonLines
    media_type = JsonLines.media_type

    @classmethod
    def describe(cls, item_schema: dict[str, Any]) -> dict[str, Any]:
        return {"itemSchema": item_schema}


class NdJsonResponse(JsonLinesResponse):
    format = NdJson
    media_type = NdJson.media_type


class JsonArrayResponse(RecordResponse):
    format = JsonArray
    media_type = JsonArray.media_type

    @classmethod
    def describe(cls, item_schema: dict[str, Any]) -> dict[str, Any]:
        return {"schema": {"type": "array", "items": item_schema}}


class CsvResponse(RecordResponse):
    format = Csv
    media_type = Csv.media_type


class ParquetResponse(RecordResponse):
    format = Parquet
    media_type = Parquet.media_type


class ArrowStreamResponse(RecordResponse):
    format = ArrowStream
    media_type = ArrowStream.media_type
