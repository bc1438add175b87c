# /// script
# requires-python = ">=3.11"
# dependencies = ["httpx2"]
# ///
"""Follow server-sent events in asyncio, with httpx2's own decoder: reconnects and resumes.

Unlike `clients/python/sse.py` it knows no event with empty data and no stream that takes its id
back; this service sends neither.
"""

import argparse
import asyncio
import os
import random
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing

import httpx2

URL = "http://127.0.0.1:8000/events/readings"
# The server sends a comment every 15 seconds: three that are missing mean a dead connection.
STALL_SECONDS = 45.0
LONGEST_STALL_SECONDS = 1_000_000.0
LONGEST_BACKOFF_SECONDS = 60
# Not text/event-stream alone: a browser's EventSource, which does so, is never refused.
ACCEPT = "text/event-stream, application/problem+json"
WORTH_RETRYING = (408, 425, 429)


class TryLater(httpx2.TransportError):
    """The server answers, but not now; `seconds` is its `Retry-After`, or 0."""

    def __init__(self, response: httpx2.Response) -> None:
        super().__init__(f"The server answers {response.status_code}.")
        seconds = response.headers.get("Retry-After", "")
        self.seconds = int(seconds) if seconds.isdecimal() else 0


# --8<-- [start:read]
async def read_events(
    url: str, last_event_id: str = "", stall_seconds: float = STALL_SECONDS
) -> AsyncGenerator[httpx2.ServerSentEvent]:
    """Yield events without an end, from behind `last_event_id` on; close it with `aclosing`.

    Raises `httpx2.HTTPStatusError` when the server refuses the request, and `httpx2.SSEError` when
    its answer is no event stream. After all else it connects again: after the server's own time,
    twice as long after each further failure, and always a little later than all others do.
    """
    retry_seconds, failures = 1.0, 0
    timeout = httpx2.Timeout(10, read=stall_seconds)
    async with httpx2.AsyncClient(timeout=timeout, follow_redirects=True) as client:
        while True:
            reason, at_least = "The stream has ended.", 0
            headers = {"Accept": ACCEPT, "Last-Event-ID": last_event_id}
            try:
                async with client.sse(url, headers=headers) as events:
                    await check(events.response)
                    async for event in events:
                        failures = 0
                        last_event_id = event.id or last_event_id
                        if event.retry is not None:
                            retry_seconds = event.retry / 1000
                        if event.data:
                            yield event
            except (httpx2.SSEError, httpx2.UnsupportedProtocol):
                raise  # will not become an event stream
            except (httpx2.TransportError, httpx2.DecodingError) as error:
                reason = str(error)
                at_least = error.seconds if isinstance(error, TryLater) else 0
            longest = max(retry_seconds, LONGEST_BACKOFF_SECONDS)
            backoff = min(retry_seconds * 2 ** min(failures, 16), longest)
            wait_seconds = max(backoff, at_least) * random.uniform(1, 1.5)  # noqa: S311
            print(f"Reconnecting in {wait_seconds:.1f} s: {reason}", file=sys.stderr)
            await asyncio.sleep(wait_seconds)
            failures += 1


async def check(response: httpx2.Response) -> None:
    if response.is_server_error or response.status_code in WORTH_RETRYING:
        raise TryLater(response)
    if response.is_error:
        await response.aread()
    response.raise_for_status()


# --8<-- [end:read]


async def print_events(options: argparse.Namespace) -> None:
    events = read_events(options.url, options.last_event_id, options.stall_seconds)
    async with aclosing(events):  # whoever leaves early closes the connection now, and not some day
        async for event in events:
            print(f"{event.id} {event.event} {event.data}", flush=True)


def seconds(text: str) -> float:
    number = float(text)
    if not 0 < number < LONGEST_STALL_SECONDS:
        raise ValueError(text)
    return number


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", nargs="?", default=URL, help="%(default)s")
    parser.add_argument("--last-event-id", default="", help="resume after this event")
    parser.add_argument(
        "--stall-seconds",
        type=seconds,
        default=STALL_SECONDS,
        help="connect again after so much silence (%(default)s)",
    )
    try:
        asyncio.run(print_events(parser.parse_args()))
    except httpx2.HTTPStatusError as error:
        sys.exit(f"{error.response.status_code}: {error.response.text}")
    except (httpx2.SSEError, httpx2.UnsupportedProtocol) as error:
        sys.exit(str(error))
    except BrokenPipeError:  # a reader such as `head` has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
