"""The service with a defect: `DEFECT=leak python -m {{ cookiecutter.package_name }} tests.loadtest.defects:app`."""

import asyncio
import os
import time
from itertools import count

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from {{ cookiecutter.package_name }}.main import app as healthy

STREAMS = "/events", "/records", "/exports", "/files"


class Defect:
    """Passes everything on; each defect changes one thing, for requests of streams."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._numbers = count()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(STREAMS):
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

    kept: list[bytes] = []

    async def serve(self, number: int, scope: Scope, receive: Receive, send: Send) -> None:
        self.kept.append(os.urandom(1) * 1_000_000)
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
    """Every tenth part is lost, but for the last one."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app)
        self._parts = count(1)

    async def send_body(self, number: int, message: Message, send: Send) -> None:
        if message.get("more_body") and next(self._parts) % 10 == 0:
            return
        await send(message)


class Blocked(Defect):
    """Every second something holds the event loop for 0.3 seconds."""

    async def serve(self, number: int, scope: Scope, receive: Receive, send: Send) -> None:
        if number == 0:
            self.blocking = asyncio.create_task(self.block())
        await super().serve(number, scope, receive, send)

    async def block(self) -> None:
        while True:
            await asyncio.sleep(0.7)
            time.sleep(0.3)  # noqa: ASYNC251


class BlockedByRequests(Defect):
    """Every request holds the event loop for 0.3 seconds."""

    async def serve(self, number: int, scope: Scope, receive: Receive, send: Send) -> None:
        time.sleep(0.3)  # noqa: ASYNC251
        await super().serve(number, scope, receive, send)


class Late(Defect):
    """The first byte is a second late."""

    async def serve(self, number: int, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "GET":
            await asyncio.sleep(1)
        await super().serve(number, scope, receive, send)


class Growing(Defect):
    """Each part waits for ten milliseconds for each stream that is open."""

    _open = 0

    async def serve(self, number: int, scope: Scope, receive: Receive, send: Send) -> None:
        self._open += 1
        try:
            await super().serve(number, scope, receive, send)
        finally:
            self._open -= 1

    async def send_body(self, number: int, message: Message, send: Send) -> None:
        await asyncio.sleep(0.01 * self._open)
        await send(message)


class Heavy(Defect):
    """Each stream holds two megabytes while it is open."""

    async def serve(self, number: int, scope: Scope, receive: Receive, send: Send) -> None:
        held = os.urandom(1) * 2_000_000
        await super().serve(number, scope, receive, send)
        del held


class Unfair(Defect):
    """One reader in ten gets each part a second late."""

    async def send_body(self, number: int, message: Message, send: Send) -> None:
        if number % 10 == 0:
            await asyncio.sleep(1)
        await send(message)


DEFECTS: dict[str, type[Defect]] = {
    defect.__name__: defect for defect in Defect.__subclasses__()
} | {"none": Defect}
app = DEFECTS[os.environ["DEFECT"]](healthy)
