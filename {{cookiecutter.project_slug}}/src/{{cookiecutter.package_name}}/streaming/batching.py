from collections.abc import AsyncGenerator
from contextlib import aclosing

import pyarrow as pa
from anyio.to_thread import run_sync

from .formats import Encoder
from .problems import describe


async def encode_batches(
    batches: AsyncGenerator[pa.RecordBatch, None], encoder: Encoder
) -> AsyncGenerator[bytes, None]:
    """Encode a source's `batches`, a chunk for each, and close the source in the end.

    A source yields one batch at the least, which tells the schema even when it has no rows. An
    error before it is raised with nothing sent; a later one first sends what the format has to say
    of it, and is then raised for the response to abort the connection.
    """
    records = 0
    async with aclosing(batches):
        batch = await anext(batches)
        yield encoder.start(batch.schema)
        try:
            while batch is not None:
                if chunk := await run_sync(encoder.encode, batch):
                    yield chunk
                records += batch.num_rows
                batch = await anext(batches, None)
        except Exception as error:
            if last_words := encoder.fail(records, describe(error)):
                yield last_words
            raise
    yield encoder.end(records)
