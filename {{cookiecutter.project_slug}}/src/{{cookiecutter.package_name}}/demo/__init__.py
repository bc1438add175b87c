"""The demo data of every module: sensor readings, the same in every service and every process.

Delete this folder, and `tests/demo/`, once each `source.py` reads your own data.
"""
