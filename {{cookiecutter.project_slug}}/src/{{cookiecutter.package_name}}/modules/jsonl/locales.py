"""CSV for the spreadsheets of a country: its separators, decimal mark, dates and headings."""

import re
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from babel import Locale, UnknownLocaleError
from babel.dates import tokenize_pattern

from ...records.formats import Csv, columns, leaves, texts

MACHINE_READABLE = "und"  # the tag for no language in particular (BCP 47)
# Babel takes what is behind an "@" for anything, and "root" for a language.
LANGUAGE_TAG = re.compile(r"(?!root\b)[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
RIGHT_TO_LEFT_MARK = "\u200f"  # no spreadsheet takes a text with it for a date
FIRST_YEAR, LAST_YEAR = 1000, 9999
# Spreadsheets there take a semicolon all the same.
SEMICOLON_TERRITORIES = {"CH", "LI"}
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


class LocalizedCsv(Csv):
    """CSV as a spreadsheet of `locale` opens it.

    Numbers have the locale's decimal mark and no grouping; where that is a comma, and in Switzerland,
    fields are separated by semicolons. Times are in UTC, in the locale's order of day, month and year, without
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
        takes_semicolon = self._decimal == "," or locale.territory in SEMICOLON_TERRITORIES
        delimiter = ";" if takes_semicolon else ","
        super().__init__(delimiter=delimiter, **options)
        self._headings = headings.get(str(locale)) or headings.get(locale.language) or {}
        self._date = date_format(locale)

    @property
    def forms(self) -> columns.Forms:
        return columns.TEXT._replace(top=self._localize)

    def prepare(self, batch: Any) -> Any:
        made = super().prepare(batch)
        if not isinstance(made, pa.RecordBatch):
            return made
        return made.rename_columns([self._headings.get(name, name) for name in made.schema.names])

    def _localize(self, column: pa.Array) -> pa.Array:
        # pyarrow makes these functions when it is imported.
        text = leaves.fast(column)
        if pa.types.is_floating(column.type) or pa.types.is_decimal(column.type):
            replace = pc.replace_substring  # ty: ignore[missing-attribute]
            return replace(text.cast(pa.string()), ".", self._decimal)
        if pa.types.is_timestamp(text.type):
            return self._format_times(text, f"{self._date} %H:%M:%S")
        return self._format_times(text, self._date) if pa.types.is_date(text.type) else text

    def _format_times(self, column: pa.Array, pattern: str) -> pa.Array:
        """Where a year has not four digits, all of the column is as it is without a locale."""
        if pa.types.is_timestamp(column.type):
            column = pc.floor_temporal(column, unit="second")  # ty: ignore[missing-attribute]
        seconds = column.cast(pa.timestamp("s", "UTC"))
        years = pc.min_max(pc.year(seconds)).as_py()  # ty: ignore[missing-attribute]
        if (years["min"] or FIRST_YEAR) < FIRST_YEAR or (years["max"] or LAST_YEAR) > LAST_YEAR:
            return texts.as_text(column)
        return pc.strftime(seconds, pattern)  # ty: ignore[missing-attribute]


def date_format(locale: Locale) -> str:
    """The locale's date in digits, for `strftime`: `%d.%m.%Y` for `de`."""
    pattern = locale.datetime_skeletons["yMd"].pattern.replace(RIGHT_TO_LEFT_MARK, "")
    return "".join(
        DATE_PARTS[token[0]] if kind == "field" else str(token).replace("%", "%%")
        for kind, token in tokenize_pattern(pattern)
        if kind == "chars" or token[0] in DATE_PARTS
    )
