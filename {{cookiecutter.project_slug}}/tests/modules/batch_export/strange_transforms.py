"""Transforms that fail, wait, or make a lot of little."""

import os
import time
from pathlib import Path

import pyarrow as pa

# Where each call leaves a line.
CALLS = Path(os.environ.get("CALLS", "calls"))


def is_late(batch: pa.RecordBatch) -> bool:
    return len(batch) > 0 and batch["id"][0].as_py() > 30_000


def fail_at_once(batch: pa.RecordBatch) -> pa.RecordBatch:
    if len(batch):
        raise LookupError("nothing is known of this")
    return batch


def fail_later(batch: pa.RecordBatch) -> pa.RecordBatch:
    return fail_at_once(batch) if is_late(batch) else batch


def die_later(batch: pa.RecordBatch) -> pa.RecordBatch:
    if is_late(batch):
        os._exit(1)
    return batch


def change_later(batch: pa.RecordBatch) -> pa.RecordBatch:
    return batch.drop_columns(["note"]) if is_late(batch) else batch


def give_no_batch(batch: pa.RecordBatch) -> object:
    return batch.to_pylist() if len(batch) else batch


def wait_long(batch: pa.RecordBatch) -> pa.RecordBatch:
    if len(batch):
        CALLS.write_text(f"{os.getpid()}\n", encoding="utf-8")
        time.sleep(3_600)
    return batch


def hurry(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The first ones take longest."""
    if len(batch):
        time.sleep(max(0, 0.1 - batch["id"][0].as_py() / 100_000))
    return batch


def widen(batch: pa.RecordBatch) -> pa.RecordBatch:
    if len(batch):
        with CALLS.open("a", encoding="utf-8") as calls:
            calls.write("called\n")
    return batch.append_column("wide", pa.array(["x" * 1_000] * len(batch), pa.string()))


def double(batch: pa.RecordBatch) -> pa.RecordBatch:
    return pa.record_batch({"number": pa.array([2 * n for n in batch["number"].to_pylist()])})


FAILING = {
    "fails": fail_at_once,
    "fails_later": fail_later,
    "dies_later": die_later,
    "changes_later": change_later,
    "no_batch": give_no_batch,
}
OTHERS = {"waits": wait_long, "hurries": hurry, "widens": widen}
