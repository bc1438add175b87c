import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field

# A name, as it is or in double quotes; a dot parts the schema from the table.
NAME = re.compile(r'"((?:[^"]|"")+)"|([^."]+)')


@dataclass(frozen=True)
class Table:
    """A table, a view or the result of a query, of the database that `DATABASE_URL` names.

    `relation` is its name there, `"orders"` or `"sales.orders"`; a name with a dot in it is put in
    double quotes. `query` is SQL in its place. `key` names the column, or the columns, whose values
    are not NULL and unique: `/records` walks in their order. Without one there is only `/exports`.

    `columns` are those that clients see, in this order; all by default, but for those that are
    `hidden`. `filters` are the columns whose values a request may filter by; by default all that
    it sees. `headings` gives CSV the names of columns in a language: `{"de": {"value": "Wert"}}`.
    """

    relation: str | None = None
    key: str | Sequence[str] | None = None
    _: KW_ONLY
    query: str | None = None
    columns: Sequence[str] | None = None
    hidden: Collection[str] = ()
    filters: Collection[str] | None = None
    headings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.relation is None) == (self.query is None):
            raise TypeError("A Table has either the name of a relation or a query.")

    @property
    def key_names(self) -> tuple[str, ...]:
        return (self.key,) if isinstance(self.key, str) else tuple(self.key or ())

    @property
    def path(self) -> list[str]:
        """The parts of its name: schema and table, or the table alone; none for a query."""
        parts = NAME.findall(self.relation or "")
        return [quoted.replace('""', '"') or plain for quoted, plain in parts]

    @property
    def sql(self) -> str:
        """What may stand behind FROM."""
        return f"({self.query})" if self.query else ".".join(map(quote, self.path))


def quote(name: str) -> str:
    """A name in SQL, whatever is in it."""
    return '"{}"'.format(name.replace('"', '""'))


def literal(text: str) -> str:
    """A text in SQL, for databases whose strings have no escapes but the doubled quote."""
    return "'{}'".format(text.replace("'", "''"))
