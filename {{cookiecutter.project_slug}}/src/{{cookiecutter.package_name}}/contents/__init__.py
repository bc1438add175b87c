"""Bytes that are there already, sent as RFC 9110 has it: files of a folder, objects of a store."""

from .answers import CONTENT
from .digests import digest_headers
from .representation import Content, ContentChanged, NotOffered, Representation, Storage
from .sending import ContentResponse
from .storage import folder_of, open_storage

__all__ = [
    "CONTENT",
    "Content",
    "ContentChanged",
    "ContentResponse",
    "NotOffered",
    "Representation",
    "Storage",
    "digest_headers",
    "folder_of",
    "open_storage",
]
