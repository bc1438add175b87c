"""The service with a defect that `/defect/NAME` chooses."""

import asyncio
import time
from itertools import count

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from {{ cookiecutter.package_name }}.main import app as healthy

NO_STREAMS = "/healthz", "/readyz", "/metrics"


def is_stream(scope: Scope) -> bool:
    return scope["method"] == "GET" and scope["path"] not in NO_STREAMS


class Defect:
    """Passes everything on; each defect changes one thing, for streams."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._numbers = count()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and is_stream(scope):
            await self.serve(next(self._numbers), scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def serve(self, number: int, scope: Scope, receive: Receive, send: Send) -> None:
        async def change(message: Message) -> None:
            if message["type"] == "http.response.body":
                await self.send_body(number, message, send)
            else:
                await send(message)

        await self._app(scope, receive, change)

    async def send_body(self, number: int, message: Message, send: Send) -> None:
        await send(message)


class Withheld(Defect):
    """What is sent is gathered for two seconds."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app)
        self._gathered: dict[int, list[Message]] = {}

    async def send_body(self, number: int, message: Message, send: Send) -> None:
        gathered = self._gathered.setdefault(number, [])
        gathered.append(message)
        if not message.get("more_body"):
            await self.flush(number, send)
        elif len(gathered) == 1:
            asyncio.get_running_loop().call_later(
                2, lambda: asyncio.ensure_future(self.flush(number, send))
            )

    async def flush(self, number: int, send: Send) -> None:
        for message in self._gathered.pop(number, ()):
            await send(message)


class Stalled(Defect):
    """A stream stands still for two seconds before its second part."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app)
        self._begun: set[int] = set()

    async def send_body(self, number: int, message: Message, send: Send) -> None:
        if number in self._begun and message.get("body"):
            await asyncio.sleep(2)
            self._begun.discard(number)
        elif message.get("body"):
            self._begun.add(number)
        await send(message)


class Leak(Defect):
    """A megabyte is kept of each request."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app)
        self.kept: list[bytes] = []

    async def serve(self, number: int, scope: Scope, receive: Receive, send: Send) -> None:
        self.kept.append(b"x" * 1_000_000)
        await super().serve(number, scope, receive, send)


class Cut(Defect):
    """Only the first part is sent, and then an end as of a complete stream."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app)
        self._begun: set[int] = set()

    async def send_body(self, number: int, message: Message, send: Send) -> None:
        if number in self._begun:
            if message.get("more_body"):
                return
            message = {**message, "body": b""}
        self._begun.add(number)
        await send(message)


class Lost(Defect):
    """Every tenth part is lost, but never the end."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app)
        self._parts = count(1)

    async def send_body(self, number: int, message: Message, send: Send) -> None:
        end = b"@end" in message.get("body", b"") or not message.get("more_body")
        if not end and next(self._parts) % 10 == 0:
            return
        await send(message)


class Blocked(Defect):
    """Every second something holds the event loop for 0.3 seconds."""

    _held = 0.0

    async def send_body(self, number: int, message: Message, send: Send) -> None:
        if time.monotonic() > self._held + 1:
            self._held = time.monotonic()
            time.sleep(0.3)  # noqa: ASYNC251
        await send(message)


class BlockedByRequests(Defect):
    """Every request holds the event loop for 0.3 seconds."""

    async def serve(self, number: int, scope: Scope, receive: Receive, send: Send) -> None:
        time.sleep(0.3)  # noqa: ASYNC251
        await super().serve(number, scope, receive, send)


class Late(Defect):
    """The first byte is a second late."""

    async def serve(self, number: int, scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(1)
        await super().serve(number, scope, receive, send)


class Growing(Defect):
    """Each part waits for four milliseconds for each stream that is open."""

    _open = 0

    async def serve(self, number: int, scope: Scope, receive: Receive, send: Send) -> None:
        self._open += 1
        try:
            await super().serve(number, scope, receive, send)
        finally:
            self._open -= 1

    async def send_body(self, number: int, message: Message, send: Send) -> None:
        await asyncio.sleep(0.004 * self._open)
        await send(message)


class Heavy(Defect):
    """Each stream holds two megabytes while it is open."""

    async def serve(self, number: int, scope: Scope, receive: Receive, send: Send) -> None:
        held = b"x" * 2_000_000
        await super().serve(number, scope, receive, send)
        del held


class Unfair(Withheld):
    """What is sent is gathered for two seconds, for one reader of events in ten."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app)
        self._readers: dict[int, int] = {}

    async def send_body(self, number: int, message: Message, send: Send) -> None:
        if b"data:" in message.get("body", b""):  # those that leave at once are no readers
            self._readers.setdefault(number, len(self._readers))
        if self._readers.get(number, 1) % 10 == 0:
            await super().send_body(number, message, send)
        else:
            await send(message)


DEFECTS = {
    defect.__name__: defect(healthy)
    for defect in (
        *(Defect, Withheld, Stalled, Leak, Cut, Lost, Blocked, BlockedByRequests, Late),
        *(Growing, Heavy, Unfair),
    )
}


class Chosen:
    """Serves with the defect that was chosen last."""

    def __init__(self) -> None:
        self._app: ASGIApp = healthy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/defect/"):
            self._app = DEFECTS[scope["path"].rpartition("/")[2]]
            await Response()(scope, receive, send)
        else:
            await self._app(scope, receive, send)


app = Chosen()
