"""The tables at `/records/{table}` and `/exports/{table}`: put your own here."""

from ..demo.records import make_database
from .table import Table

TABLES = {
    "readings": Table(
        "readings",
        key="id",
        headings={
            "de": {
                "site": "Ort",
                "recorded_at": "Gemessen am (UTC)",
                "value": "Wert",
                "note": "Notiz",
            },
            "fr": {"sensor": "Capteur", "recorded_at": "Mesuré le (UTC)", "value": "Valeur"},
            "ja": {
                "sensor": "センサー",
                "site": "地点",
                "recorded_at": "測定時刻 (UTC)",
                "note": "備考",
            },
        },
    )
}
# What is served where `DATABASE_URL` is not set; a team's own file needs none.
default_database = make_database
