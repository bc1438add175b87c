import asyncio
import enum
import io
from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from time import monotonic, sleep
from typing import Annotated, Any, Literal

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import BaseModel, Field, computed_field

from {{ cookiecutter.package_name }}.records import (
    batching,
    collecting,
    formats,
)
from {{ cookiecutter.package_name }}.streaming.settings import (
    CHUNK_BYTES,
)


class Model(BaseModel):
    id: int


class Struct(msgspec.Struct):
    id: int


@dataclass
class Data:
    id: int


def run(source: Any, encoder: formats.Encoder | None = None, **options: Any) -> list[bytes]:
    async def read() -> list[bytes]:
        chunks = batching.encode_batches(source, encoder or formats.JsonLines(), **options)
        return [chunk async for chunk in chunks]

    return asyncio.run(read())


async def yield_all(*items: Any) -> AsyncGenerator[Any]:
    for item in items:
        yield item


@pytest.mark.parametrize("record", [Model, Struct, Data, dict])
def test_records_come_one_by_one_in_lists_or_from_a_blocking_iterable(record):
    records = [record(id=number) for number in range(3)]
    expected = b'{"id":0}\n{"id":1}\n{"id":2}\n'
    assert b"".join(run(yield_all(*records))) == expected
    assert b"".join(run(yield_all(records[:2], records[2:]))) == expected
    assert b"".join(run(iter(records))) == expected


def test_records_that_come_at_once_are_joined():
    async def records() -> AsyncGenerator[Model]:
        for number in range(50_000):
            yield Model(id=number)

    first, *chunks, _ = run(records())
    assert first == b'{"id":0}\n'
    # Records as small as these weigh more as objects, and a slow machine is late after 20 ms.
    assert sum(map(len, chunks)) / len(chunks) > 6 * 1024
    assert max(map(len, chunks)) < 65 * 1024


@pytest.mark.alone
def test_a_record_that_comes_alone_goes_out_at_once():
    async def measure() -> list[float]:
        waited: list[float] = []
        made = [0.0]

        async def records() -> AsyncGenerator[Model]:
            for number in range(5):
                made[0] = monotonic()
                yield Model(id=number)
                await asyncio.sleep(0.1)

        async for _ in batching.encode_batches(records(), formats.JsonLines()):
            waited.append(monotonic() - made[0])
        return waited

    waited = asyncio.run(measure())
    assert len(waited) == 5
    assert max(waited) < 0.05


def test_what_a_blocking_source_has_goes_out_while_it_blocks():
    def records() -> Generator[Model]:
        yield Model(id=0)
        yield Model(id=1)
        sleep(0.5)
        yield Model(id=2)

    async def first_two() -> float:
        started = monotonic()
        chunks = batching.encode_batches(records(), formats.JsonLines())
        received = b""
        async for chunk in chunks:
            received += chunk
            if b'"id":1' in received:
                break
        seconds = monotonic() - started
        await chunks.aclose()
        return seconds

    assert asyncio.run(first_two()) < 0.3


@pytest.mark.parametrize("item", [Model(id=1), [Model(id=1)] * 1000, pa.record_batch({"id": [1]})])
def test_production_waits_for_the_reader(item):
    async def read_one_and_wait() -> int:
        produced = 0

        async def items() -> AsyncGenerator[Any]:
            nonlocal produced
            while True:
                produced += len(run_length(item))
                yield item

        chunks = batching.encode_batches(items(), formats.JsonLines())
        await anext(chunks)
        await asyncio.sleep(0.2)
        before = produced
        await asyncio.sleep(0.1)
        assert produced == before
        await chunks.aclose()
        return produced

    line_bytes = len(b'{"id":1}\n')
    assert asyncio.run(read_one_and_wait()) * line_bytes < 2 * CHUNK_BYTES


@pytest.mark.parametrize("kind", ["async", "blocking"])
def test_large_records_after_small_ones_do_not_fill_the_memory(kind):
    made = 0

    def records() -> Generator[dict[str, str]]:
        nonlocal made
        yield from ({"text": "small"} for _ in range(20_000))
        while True:
            made += 1
            yield {"text": "x" * 1_000_000}

    async def asynchronous() -> AsyncGenerator[dict[str, str]]:
        for record in records():
            yield record

    async def read_some_and_wait() -> None:
        source = asynchronous() if kind == "async" else records()
        chunks = batching.encode_batches(source, formats.JsonLines())
        while len(await anext(chunks)) < 1_000_000:
            pass
        await asyncio.sleep(0.2)
        await chunks.aclose()

    asyncio.run(read_some_and_wait())
    assert made < 2 * collecting.SAMPLE + 10


def run_length(item: Any) -> Any:
    return [item] if isinstance(item, Model) else item


def test_a_large_batch_is_sent_in_parts():
    batch = pa.record_batch({"text": ["x" * 1000] * 2000})
    chunks = run(yield_all(batch))
    assert max(map(len, chunks)) < 4 * CHUNK_BYTES
    assert sum(map(len, chunks)) > 2_000_000


def test_a_source_without_records_makes_an_empty_stream():
    assert run(yield_all()) == []
    assert b"".join(run(yield_all(), formats.JsonArray())) == b"[]\n"


@pytest.mark.parametrize("good", [0, 1, 20_000])
def test_an_error_comes_after_all_that_came_before_it(good):
    async def failing() -> AsyncGenerator[Model]:
        for number in range(good):
            yield Model(id=number)
        raise RuntimeError("broken")

    received: list[bytes] = []

    async def read() -> None:
        async for chunk in batching.encode_batches(failing(), formats.JsonLines(end_record=True)):
            received.append(chunk)

    with pytest.raises(RuntimeError, match="broken"):
        asyncio.run(read())
    lines = b"".join(received).splitlines()
    assert len(lines) == (good + 1 if good else 0)
    assert not good or b'"error"' in lines[-1]


def test_a_record_that_cannot_be_encoded_is_an_error_and_the_source_is_closed():
    closed = False

    async def source() -> AsyncGenerator[Any]:
        nonlocal closed
        try:
            yield {"text": "\ud800"}
            yield {"text": "never asked for"}
        finally:
            closed = True

    with pytest.raises(TypeError, match="surrogates"):
        run(source())
    assert closed


class Kind(enum.Enum):
    A = "a"


class Part(BaseModel):
    size: float


class Every(BaseModel):
    id: int
    name: Annotated[str, "a note"]
    at: datetime
    day: date
    clock: time
    raw: bytes
    amount: Decimal
    ok: bool | None
    kind: Kind
    literal: Literal["x", "y"]
    many: list[int]
    parts: list[Part]
    anything: Any
    either: int | str
    hidden: Annotated[int, Field(exclude=True)] = 0

    @computed_field
    def double(self) -> int:
        return 2 * self.id


COLUMNS = {
    "id": pa.int64(),
    "name": pa.string(),
    "at": pa.timestamp("us", "UTC"),
    "day": pa.date32(),
    "clock": pa.time64("us"),
    "raw": pa.binary(),
    "amount": pa.decimal128(38, 9),
    "ok": pa.bool_(),
    "kind": pa.string(),
    "literal": pa.string(),
    "many": pa.list_(pa.int64()),
    "parts": pa.list_(pa.struct({"size": pa.float64()})),
    "anything": pa.string(),
    "either": pa.string(),
    "double": pa.int64(),
}


@pytest.mark.parametrize("source", [[], [[]]])
def test_an_empty_result_has_the_columns_of_its_model(source):
    def encoded(encoder: formats.Encoder) -> bytes:
        return b"".join(run(yield_all(*source), encoder, model=Every))

    parquet = pq.read_table(io.BytesIO(encoded(formats.Parquet())))
    arrow = pa.ipc.open_stream(encoded(formats.ArrowStream())).read_all()
    assert arrow.schema == pa.schema(COLUMNS)
    assert (parquet.schema.names, len(parquet)) == ([*COLUMNS], 0)
    assert encoded(formats.Csv()).decode().strip().split(",") == [*COLUMNS]
    assert (encoded(formats.JsonLines()), encoded(formats.JsonArray())) == (b"", b"[]\n")


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("is_async", [True, False])
@pytest.mark.parametrize("good", [0, 1])
def test_a_source_cannot_end_the_service(error, is_async, good):
    def failing() -> Generator[Model]:
        yield from [Model(id=1)] * good
        raise error

    async def failing_async() -> AsyncGenerator[Model]:
        for item in failing():
            yield item

    with pytest.raises(RuntimeError, match=error.__name__):
        run(failing_async() if is_async else failing())


class Broken:
    """An asynchronous iterable that fails when it is asked for its iterator, or closed."""

    def __init__(self, when: str) -> None:
        self.when = when

    def __aiter__(self) -> "Broken":
        self.fail("begin")
        return self

    async def __anext__(self) -> Model:
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self.fail("close")

    def fail(self, when: str) -> None:
        if self.when == when:
            raise OSError(when)


@pytest.mark.parametrize("when", ["begin", "close"])
def test_a_source_that_fails_to_begin_or_to_close_ends_the_stream(when):
    with pytest.raises(OSError, match=when):
        run(Broken(when))
