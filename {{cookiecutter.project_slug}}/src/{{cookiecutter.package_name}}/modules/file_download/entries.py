"""A page of the listing, as it is told."""

from pydantic import AwareDatetime, BaseModel, TypeAdapter

from ...contents import Representation


class FileEntry(BaseModel):
    path: str
    size: int
    modified: AwareDatetime | None
    media_type: str
    etag: str | None


PAGE = TypeAdapter(list[FileEntry])


def encode_page(files: list[Representation]) -> bytes:
    """The JSON of a page; for thousands of entries, nothing for the event loop."""
    return PAGE.dump_json(PAGE.validate_python(files, from_attributes=True))
