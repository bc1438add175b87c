"""What the database itself needs to write a query's rows to a file; prints the seconds.

python -m benchmarks.peers.copy_readings DATABASE FILE OPTIONS QUERY
"""

import sys
from time import perf_counter

import duckdb

database, file, options, query = sys.argv[1:]
with duckdb.connect(database, read_only=True) as connection:
    connection.execute("SELECT count(*) FROM readings").fetchall()
    begin = perf_counter()
    connection.execute(f"COPY ({query}) TO '{file}' ({options})")
    print(perf_counter() - begin)
