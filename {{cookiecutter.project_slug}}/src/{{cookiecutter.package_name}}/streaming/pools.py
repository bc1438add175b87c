"""Threads for what blocks: each kind of work has its own, so that none takes them from another.

Work for which no thread is free waits in the order of asking. Sources that block have a thread
each, see `threads.py`.
"""

import os

from anyio import CapacityLimiter

PROCESSORS = os.cpu_count() or 1

# More threads than processors would make all of them slower.
COMPUTING = CapacityLimiter(PROCESSORS)
# Opening files, and reading what is not in memory.
FILES = CapacityLimiter(16)
LISTINGS = CapacityLimiter(2)
METRICS = CapacityLimiter(1)
# A database computes with threads of its own, but some queries wait for others.
QUERIES = CapacityLimiter(4 * PROCESSORS)
