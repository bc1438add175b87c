"""JSON Lines that end with an end record."""

from loadtest.stream import Cut, Stream

END = b'{"@end": {"status": "complete"'
END_BYTES = 4096  # there is a cursor in it


def read_lines(stream: Stream) -> int:
    """How many records there are before the end record. Raises `Cut` where there is none."""
    lines, tail = 0, b""
    for piece in stream:
        lines += piece.count(b"\n")
        tail = (tail + piece)[-END_BYTES:]
    if END not in tail:
        raise Cut("there is no end record that says `complete`")
    return lines - 1
