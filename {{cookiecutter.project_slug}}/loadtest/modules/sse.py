import json
from time import perf_counter
from uuid import uuid4

from locust import constant, task

from loadtest.streaming import AS_IT_IS, StreamUser

EVENTS = 20


class Subscriber(StreamUser):
    """Subscribes to a topic of its own, publishes to it, and times each delivery."""

    wait_time = constant(0)

    @task
    def follow(self) -> None:
        path = f"/events/load-{uuid4().hex}"
        with self.client.get(
            path, name="/events", headers=AS_IT_IS, stream=True, catch_response=True
        ) as response:
            for number in range(EVENTS):
                started = perf_counter()
                self.client.post(path, json={"number": number}, name="/events (publish)")
                if self.next_event(response.stream) != {"number": number}:
                    return response.failure("An event is missing.")
                self.report("EVENT", "/events (delivery)", started)
            response.success()

    @staticmethod
    def next_event(stream) -> object:
        while line := stream.readline(b"\n"):
            if line.startswith(b"data: "):
                return json.loads(line.removeprefix(b"data: "))
        return None
