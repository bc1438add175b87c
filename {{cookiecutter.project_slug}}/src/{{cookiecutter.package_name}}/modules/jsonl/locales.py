"""CSV for the spreadsheets of a country: its separators, decimal mark, dates and headings."""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from babel import Locale, UnknownLocaleError
from babel.dates import tokenize_pattern

from ...records.formats import Csv

MACHINE_READABLE = "und"  # the tag for no language in particular (BCP 47)
# Babel takes what is behind an "@" for anything, and "root" for a language.
LANGUAGE_TAG = re.compile(r"(?!root\b)[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
RIGHT_TO_LEFT_MARK = "\u200f"  # no spreadsheet takes a text with it for a date
DATE_PARTS = {"y": "%Y", "M": "%m", "L": "%m", "d": "%d"}


def parse_locale(tag: str) -> Locale | None:
    """The locale of a language tag (BCP 47), and `None` for `und`. Raises `ValueError`."""
    if tag == MACHINE_READABLE:
        return None
    try:
        if not LANGUAGE_TAG.fullmatch(tag):
            raise UnknownLocaleError(tag)
        return Locale.parse(tag, sep="-")
    except (UnknownLocaleError, ValueError) as error:
        raise ValueError(f"{tag!r} is no locale that is known here") from error


def find_locale(tags: Iterable[str]) -> Locale | None:
    """The locale of the first tag that is known, or known without its last parts (RFC 4647, 3.4)."""
    for tag in tags:
        parts = tag.split("-")
        for count in range(len(parts), 0, -1):
            with suppress(ValueError):
                return parse_locale("-".join(parts[:count]))
    return None


class LocalizedCsv(Csv):
    """CSV as a spreadsheet of `locale` opens it.

    Numbers have the locale's decimal mark and no grouping; where that is a comma, fields are
    separated by semicolons. Times are in UTC, in the locale's order of day, month and year, without
    fractions of a second. `headings` are the names of columns in languages.
    """

    def __init__(
        self,
        locale: Locale,
        headings: Mapping[str, Mapping[str, str]],
        **options: Any,
    ) -> None:
        self.locale = locale
        self._decimal = locale.number_symbols["latn"]["decimal"]
        delimiter = ";" if self._decimal == "," else ","
        super().__init__(delimiter=delimiter, **options)
        self._headings = headings.get(str(locale)) or headings.get(locale.language) or {}
        self._date = date_format(locale)

    def prepare(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        plain = super().prepare(batch)
        columns = [self._localize(column) for column in plain.columns]
        names = [self._headings.get(name, name) for name in plain.schema.names]
        return pa.RecordBatch.from_arrays(columns, names)

    def _localize(self, column: pa.Array) -> pa.Array:
        # pyarrow makes these functions when it is imported.
        if pa.types.is_floating(column.type) or pa.types.is_decimal(column.type):
            replace = pc.replace_substring  # ty: ignore[missing-attribute]
            return replace(column.cast(pa.string()), ".", self._decimal)
        if pa.types.is_timestamp(column.type):
            seconds = column.cast(pa.timestamp("s", column.type.tz), safe=False)
            return _format_times(seconds, f"{self._date} %H:%M:%S")
        if pa.types.is_date(column.type):
            return _format_times(column, self._date)
        return column


def _format_times(column: pa.Array, pattern: str) -> pa.Array:
    return pc.strftime(column, pattern)  # ty: ignore[missing-attribute]


def date_format(locale: Locale) -> str:
    """The locale's date in digits, for `strftime`: `%d.%m.%Y` for `de`."""
    pattern = locale.datetime_skeletons["yMd"].pattern.replace(RIGHT_TO_LEFT_MARK, "")
    return "".join(
        DATE_PARTS[token[0]] if kind == "field" else str(token).replace("%", "%%")
        for kind, token in tokenize_pattern(pattern)
        if kind == "chars" or token[0] in DATE_PARTS
    )
