"""The demo data of every module: sensor readings in a DuckDB file, made on the first start.

Delete this folder once each module's `source.py` reads your own data.
"""

from .files import open_files
from .readings import Reading, live_readings, open_readings, record_readings

__all__ = ["Reading", "live_readings", "open_files", "open_readings", "record_readings"]
