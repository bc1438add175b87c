# /// script
# requires-python = ">=3.11"
# dependencies = ["httpx2"]
# ///
"""Follow server-sent events: reconnects by itself and resumes after the last event."""

import argparse
import itertools
import os
import sys
import time
from collections.abc import Iterator

import httpx2

URL = "http://127.0.0.1:8000/events/readings"
# The server sends a comment every 15 seconds: three that are missing mean a dead connection.
TIMEOUT = httpx2.Timeout(10, read=45)


def read_events(url: str, last_event_id: str = "") -> Iterator[httpx2.ServerSentEvent]:
    """Yield events without an end, from behind `last_event_id` on.

    Raises `httpx2.HTTPStatusError` when the server refuses the request, and `httpx2.SSEError` when
    its answer is no event stream.
    """
    retry_seconds = 1.0
    with httpx2.Client(timeout=TIMEOUT, follow_redirects=True) as client:
        while True:
            headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
            try:
                with client.sse(url, headers=headers) as events:
                    if events.response.is_server_error:
                        raise httpx2.ReadError(f"The server answers {events.response.status_code}.")
                    if events.response.is_error:
                        events.response.read()
                    events.response.raise_for_status()
                    for event in events:
                        last_event_id = event.id or last_event_id
                        if event.retry is not None:
                            retry_seconds = event.retry / 1000
                        if event.data:
                            yield event
            except httpx2.SSEError:
                raise  # what answers there is no event stream, and will not become one
            except (httpx2.TransportError, httpx2.DecodingError) as error:
                print(f"Reconnecting in {retry_seconds} s: {error}", file=sys.stderr)
            time.sleep(retry_seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", nargs="?", default=URL, help="%(default)s")
    parser.add_argument("--last-event-id", default="", help="resume after this event")
    parser.add_argument("--count", type=int, help="end after so many events")
    options = parser.parse_args()
    events = read_events(options.url, options.last_event_id)
    try:
        for event in itertools.islice(events, options.count):
            print(f"{event.id} {event.event} {event.data}", flush=True)
    except httpx2.HTTPStatusError as error:
        sys.exit(f"{error.response.status_code}: {error.response.text}")
    except httpx2.SSEError as error:
        sys.exit(str(error))
    except BrokenPipeError:  # a reader such as `head` has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
