"""The demo's readings as tables, in the order of their key.

python -m benchmarks.peers.copy_tables DEMO DATABASE ROWS
"""

import sys

import duckdb

demo, database, rows = sys.argv[1:]
with duckdb.connect(database) as connection:
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"ATTACH '{demo}' AS demo (READ_ONLY)")
    connection.execute(
        f"CREATE TABLE readings AS FROM demo.readings WHERE id <= {rows} ORDER BY id"
    )
    connection.execute("CREATE TABLE declared AS FROM readings")
    connection.execute("ALTER TABLE declared ADD PRIMARY KEY (id)")
