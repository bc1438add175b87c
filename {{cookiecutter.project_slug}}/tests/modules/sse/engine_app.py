"""The service with topics of the tests in the place of those of `source.py`, and no feed."""

from collections.abc import AsyncGenerator

from pydantic import BaseModel

from {{ cookiecutter.package_name }}.modules.sse import source


class Door(BaseModel):
    open: bool


class Alarm(BaseModel):
    text: str


async def feed() -> AsyncGenerator[object]:
    for nothing in ():
        yield nothing


source.TOPICS = {"house": {"message": Door, "alarm": Alarm}}
source.LANGUAGES = ("en", "de", "pt-BR")  # ty: ignore[invalid-assignment]
source.feed = feed  # ty: ignore[invalid-assignment]

from anyio.to_thread import run_sync
from fastapi import FastAPI

from {{ cookiecutter.package_name }}.main import create_app
from {{ cookiecutter.package_name }}.modules.sse.publishing import (
    Localized,
    publish,
    publish_from_thread,
)

app: FastAPI = create_app()


@app.post("/alarms")
async def raise_alarm(topic: str) -> list[str]:
    texts = {"en": "Fire", "de": "Feuer", "pt-BR": "Fogo"}
    alarm = Localized({tag: Alarm(text=text) for tag, text in texts.items()})
    ids = await publish(topic, alarm, Alarm(text="all"), name="alarm")
    return [*ids, *await run_sync(lambda: publish_from_thread(topic, Alarm(text="thread")))]
