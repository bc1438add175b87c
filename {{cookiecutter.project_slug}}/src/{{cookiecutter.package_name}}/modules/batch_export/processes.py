"""Processes that call a function on Arrow batches, each one at a time."""

import pickle
import signal
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.util import Finalize
from traceback import format_exc

import pyarrow as pa
from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from .settings import batch_export_settings

# A fork of a process with threads may never wake up.
CONTEXT = get_context("spawn")
Function = Callable[[pa.RecordBatch], pa.RecordBatch]
_idle: list["Process"] = []


async def call_in_process(function: Function, batch: pa.RecordBatch) -> pa.RecordBatch:
    """Call a function of a module in one of `BATCH_EXPORT_TRANSFORM_PROCESSES`.

    Who is cancelled meanwhile kills the process. Raises what the function raises, with its
    traceback as a note, and `RuntimeError` for a process that has died.
    """
    async with _limiter():
        process = _idle.pop() if _idle else Process()
        try:
            # Whoever waits for a process that is killed sees its end at once.
            made = await run_sync(
                process.call, function, batch, abandon_on_cancel=True, limiter=process.thread
            )
        except BaseException:
            process.kill()
            raise
        _idle.append(process)
    if isinstance(made, Exception):
        raise made
    return pa.ipc.open_stream(made).read_next_batch()


def apply(function: Function, batch: pa.RecordBatch) -> pa.RecordBatch:
    """Raises `TypeError` as well, for what the function returns that is no batch."""
    made = function(batch)
    if not isinstance(made, pa.RecordBatch):
        raise TypeError(f"A transform returns an Arrow batch, and no {type(made).__name__}.")
    return made


@cache
def _limiter() -> CapacityLimiter:
    return CapacityLimiter(batch_export_settings().transform_processes)


class Process:
    """It ends with the process that has started it, however that ends."""

    def __init__(self) -> None:
        self.thread = CapacityLimiter(1)
        self._connection, theirs = CONTEXT.Pipe()
        self._process = CONTEXT.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        # At the end of this process `multiprocessing` would send SIGTERM, and wait.
        self.kill = Finalize(None, self._process.kill, exitpriority=0)

    def call(self, function: Function, batch: pa.RecordBatch) -> bytes | Exception:
        try:
            self._connection.send((function, _to_bytes(batch)))
            return self._connection.recv()
        except (EOFError, OSError) as error:
            raise RuntimeError("The process of a transform has died.") from error


def _serve(connection: Connection) -> None:
    for each in (signal.SIGINT, signal.SIGTERM):  # a group's are for who has started this one
        signal.signal(each, signal.SIG_IGN)
    with suppress(EOFError, BrokenPipeError):  # he is gone
        while True:
            connection.send(_try_to_call(*connection.recv()))


def _try_to_call(function: Function, batch: bytes) -> bytes | Exception:
    try:
        return _to_bytes(apply(function, pa.ipc.open_stream(batch).read_next_batch()))
    except Exception as error:  # noqa: BLE001 - whatever a transform raises
        error.add_note(format_exc())
        try:
            pickle.loads(pickle.dumps(error))  # noqa: S301 - it is our own
        except Exception:  # noqa: BLE001 - not all can be sent
            return RuntimeError(format_exc())
        return error


def _to_bytes(batch: pa.RecordBatch) -> bytes:
    """Pickle would send all of what a slice is of."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    return sink.getvalue().to_pybytes()
