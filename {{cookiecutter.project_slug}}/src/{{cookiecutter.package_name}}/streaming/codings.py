"""The content codings that are offered (RFC 9110, section 8.4.1), and the choice among them.

Each coding encodes one body. What `encode` returns can be decoded at once, up to the last byte of
`data`; only with `last` is the body complete. The windows are small, because a stream that stays
open keeps them: 50 to 100 KiB, where the defaults of the libraries take 220 to 840.
"""

import re
import sys
import zlib
from collections.abc import Mapping
from typing import ClassVar, Protocol

import brotli

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


class Encoder(Protocol):
    def encode(self, data: bytes, *, last: bool) -> bytes: ...


class Zstandard:
    """Zstandard (RFC 8878)."""

    OPTIONS: ClassVar[Mapping[int, int]] = {
        zstd.CompressionParameter.compression_level: 1,
        zstd.CompressionParameter.window_log: 14,
        zstd.CompressionParameter.hash_log: 11,
    }

    def __init__(self) -> None:
        self._compressor = zstd.ZstdCompressor(options=self.OPTIONS)

    def encode(self, data: bytes, *, last: bool) -> bytes:
        compressor = self._compressor
        return compressor.compress(data, compressor.FLUSH_FRAME if last else compressor.FLUSH_BLOCK)


class Brotli:
    """Brotli (RFC 7932). A higher quality than 1 takes at least 340 KiB, whatever the window."""

    def __init__(self) -> None:
        self._compressor = brotli.Compressor(quality=1, lgwin=13)

    def encode(self, data: bytes, *, last: bool) -> bytes:
        compressor = self._compressor
        return compressor.process(data) + (compressor.finish() if last else compressor.flush())


class Gzip:
    """gzip (RFC 1952)."""

    def __init__(self) -> None:
        self._compressor = zlib.compressobj(level=4, wbits=16 + 13, memLevel=6)

    def encode(self, data: bytes, *, last: bool) -> bytes:
        compressor = self._compressor
        flushed = zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH
        return compressor.compress(data) + compressor.flush(flushed)


# A coding with its weight (RFC 9110, sections 5.6.2 and 12.4.2).
MEMBER = re.compile(
    r"(?P<coding>[\w!#$%&'*+.^`|~-]+)(?:[ \t]*;[ \t]*q=(?P<weight>0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?",
    re.ASCII,
)

# In the order of preference, where a client has none.
CODINGS: dict[str, type[Encoder]] = {"zstd": Zstandard, "br": Brotli, "gzip": Gzip}


def rank_codings(accept_encoding: str) -> list[str]:
    """The codings that `Accept-Encoding` likes no less than identity (RFC 9110, section 12.5.3).

    The best is first. What cannot be parsed counts as not said.
    """
    weights: dict[str, float] = {}
    for member in accept_encoding.lower().split(","):
        if found := MEMBER.fullmatch(member.strip()):
            weights[found["coding"]] = float(found["weight"] or 1)

    def weigh(coding: str) -> float:
        return weights.get(coding, weights.get("*", 0))

    least = weigh("identity")
    liked = (coding for coding in CODINGS if weigh(coding) > 0 and weigh(coding) >= least)
    return sorted(liked, key=weigh, reverse=True)


def choose_coding(accept_encoding: str) -> str | None:
    """The coding that `Accept-Encoding` prefers; `None` for identity."""
    return next(iter(rank_codings(accept_encoding)), None)
