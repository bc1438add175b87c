"""The service with the tables of engine tests in place of its own."""

from importlib import import_module

from {{ cookiecutter.package_name }}.records import (
    Table,
    source,
)

HEADINGS = {
    "de": {"site": "Ort", "recorded_at": "Gemessen am (UTC)", "value": "Wert"},
    "fr": {"recorded_at": "Mesuré le (UTC)", "value": "Valeur"},
    "ja": {"site": "地点", "recorded_at": "測定時刻 (UTC)"},
}
source.TABLES = {
    "readings": Table("readings", key="id", headings=HEADINGS),
    "live": Table("live", key="id"),
}
app = import_module("tests.streaming.modules_app").app
