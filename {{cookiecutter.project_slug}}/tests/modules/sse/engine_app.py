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

from fastapi import FastAPI

from {{ cookiecutter.package_name }}.modules.sse.publishing import (
    Localized,
    publish,
    publish_from_thread,
)

from tests.streaming.modules_app import create_app

app: FastAPI = create_app()


@app.post("/alarms/{topic}")
async def raise_alarms(topic: str) -> list[str]:
    in_each_language = {
        "en": Alarm(text="Fire"),
        "de": Alarm(text="Feuer"),
        "pt-BR": Alarm(text="Fogo"),
    }
    return await publish(topic, Localized(in_each_language), Alarm(text="SOS"), name="alarm")


@app.post("/doors/{topic}")
def open_door(topic: str) -> list[str]:
    return publish_from_thread(topic, Door(open=True))


@app.post("/mistakes")
async def make_mistakes() -> list[str]:
    """What is said of each, and what is returned for nothing."""

    async def in_the_event_loop() -> list[str]:
        return publish_from_thread("x", 1)

    said = []
    for mistake in (
        publish("x y", 1),
        publish("x", 1, name="gap"),
        publish("x", object()),
        publish("x", Localized({"en": 1})),
        publish("house", Alarm(text="Fire")),
        in_the_event_loop(),
        publish("x"),
    ):
        try:
            said.append(str(await mistake))
        except (ValueError, RuntimeError) as error:
            said.append(type(error).__name__)
    return said
