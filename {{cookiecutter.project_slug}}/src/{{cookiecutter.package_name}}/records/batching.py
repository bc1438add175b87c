"""From a source's records to chunks of bytes: few and large when they come fast, at once when not."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import Any

from anyio.to_thread import run_sync
from pydantic import BaseModel

from ..streaming.pools import COMPUTING
from ..streaming.shutdown import drain
from ..streaming.turns import in_turn
from .collecting import Scales, collect
from .encoding import Encoding
from .formats import Encoder


async def encode_batches(
    source: Any, encoder: Encoder, *, model: type[BaseModel] | None = None
) -> AsyncGenerator[bytes, None]:
    """Encode what a source yields, in chunks of about 64 KiB.

    A source is an iterable, asynchronous or not, of records, of lists of them or of Arrow data, or
    Arrow data itself; `inputs.plain` says what a record is, and what `model` is for. A source that
    is not asynchronous is read in a thread. What is small is joined up to 64 KiB, or for 20 ms;
    what is large is encoded in parts of half of that. The first chunk is made of the first thing
    that is yielded. The source is ahead of the reader by 64 KiB and one thing at most.

    Raises what the source and the format raise, and `TypeError` with the type of what is no source
    or no record: before the first chunk with nothing sent; later, the last chunk is what the format
    has to say of it, and the response aborts the connection. In the end the source is closed,
    whatever ends it.
    """
    scales = Scales()
    encoding = Encoding(encoder, model, scales)
    compute = partial(run_sync, limiter=COMPUTING) if encoder.in_thread else in_turn
    try:
        async with aclosing(collect(source, scales)) as groups:
            while items := await drain.until_over(anext(groups, None)):
                chunks = encoding.chunks(items)
                while (chunk := await compute(next, chunks, None)) is not None:
                    if chunk:
                        yield chunk
                    drain.check()
        if chunk := await compute(encoding.end):
            yield chunk
    except Exception as error:
        if chunk := encoding.fail(error):
            yield chunk
        raise
