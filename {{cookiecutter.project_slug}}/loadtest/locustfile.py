"""What Locust runs: the scenario of one module, disturbed by slow readers and other modules."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from time import perf_counter, process_time
from typing import Any

import gevent
from gevent import subprocess
from locust import events
from locust.runners import MasterRunner, WorkerRunner

import loadtest.modules
from loadtest.recording import Recorder
from loadtest.results import Results
from loadtest.streaming import NEIGHBOUR, SLOW, StreamUser
from loadtest.timeline import Timeline
from loadtest.verdict import report_scenario

SLOW_SHARE, NEIGHBOUR_SHARE = 0.25, 0.05
TICK_SECONDS = 0.25
MOST_LINES = 60  # of progress
LAG_SECONDS = 0.02


def user_classes() -> Iterator[type[StreamUser]]:
    """The users of each module, and those who are there to disturb them and others."""
    for module in iter_modules(loadtest.modules.__path__, "loadtest.modules."):
        for user in vars(import_module(module.name)).values():
            if (
                isinstance(user, type)
                and user.__module__ == module.name
                and issubclass(user, StreamUser)
            ):
                user.scenario = module.name.rpartition(".")[2]
                yield user
                if user.disturbs:
                    yield type(f"Slow{user.__name__}", (user,), {"role": SLOW, "share": SLOW_SHARE})
                    yield type(
                        f"{user.__name__}Nearby",
                        (user,),
                        {"role": NEIGHBOUR, "share": NEIGHBOUR_SHARE},
                    )


globals().update((user.__name__, user) for user in user_classes())


@events.init_command_line_parser.add_listener
def add_options(parser: ArgumentParser) -> None:
    parser.add_argument("--scenario")
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--readers", type=int)
    parser.add_argument("--run-id")
    parser.add_argument("--watch-url")
    parser.add_argument("--network")
    parser.add_argument("--out")  # no `Path`: options travel to workers


@events.init.add_listener
def choose_users(environment: Any, **_: Any) -> None:
    if isinstance(environment.runner, WorkerRunner):
        return
    options = environment.parsed_options
    for user in environment.user_classes:
        user.fixed_count = user.fixed_count or round(user.share * options.readers)
        if (user.scenario == options.scenario) == (user.role == NEIGHBOUR):
            user.fixed_count = 0
    environment.user_classes[:] = [user for user in environment.user_classes if user.fixed_count]
    options.num_users = options.spawn_rate = sum(
        user.fixed_count for user in environment.user_classes
    )
    Judge(environment)


@events.test_start.add_listener
def begin(environment: Any, **_: Any) -> None:
    options = environment.parsed_options
    StreamUser.run_id = options.run_id
    StreamUser.timeline = Timeline(options.seconds)
    StreamUser.recorder = Recorder(StreamUser.timeline)
    if not isinstance(environment.runner, MasterRunner):  # which has no users
        gevent.spawn(watch_generator, StreamUser.recorder)


def watch_generator(recorder: Recorder) -> None:
    """Record what this process uses of a processor, and how late it is itself."""
    used, before = process_time(), perf_counter()
    while True:
        gevent.sleep(LAG_SECONDS)
        (last_used, used), (last, before) = (used, process_time()), (before, perf_counter())
        recorder.cpu(used - last_used, before - last)
        recorder.time("generator_lag", before - last - LAG_SECONDS, recorder.phase())


@events.report_to_master.add_listener
def send(client_id: str, data: dict[str, Any]) -> None:
    if hasattr(StreamUser, "recorder"):  # else it has not begun
        data["loadtest"] = StreamUser.recorder.take()


class Judge:
    """Puts together what the processes have recorded, and judges it in the end."""

    def __init__(self, environment: Any) -> None:
        self._environment = environment
        self._options = environment.parsed_options
        self._results = Results()
        self._watcher: Any = None
        environment.events.test_start.add_listener(self.begin)
        environment.events.worker_report.add_listener(self.receive)
        environment.events.quitting.add_listener(self.judge)

    def begin(self, **_: Any) -> None:
        command = [sys.executable, "-m", "loadtest.watch", self._options.watch_url]
        self._watcher = subprocess.Popen(command, stdout=subprocess.PIPE)
        gevent.spawn(self.watch_service)
        gevent.spawn(self.wait_for_users)

    def receive(self, client_id: str, data: dict[str, Any]) -> None:
        if "loadtest" in data:
            self._results.add(data["loadtest"], client_id)

    def watch_service(self) -> None:
        for line in self._watcher.stdout:
            self._results.add_sample(StreamUser.timeline, json.loads(line))

    def wait_for_users(self) -> None:
        runner, timeline = self._environment.runner, StreamUser.timeline
        next_line = 0.0
        while timeline.now() < timeline.seconds or runner.user_count:
            gevent.sleep(TICK_SECONDS)
            if not isinstance(runner, MasterRunner):
                self._results.add(StreamUser.recorder.take())
            if timeline.now() > next_line:
                next_line += max(1.0, timeline.seconds / MOST_LINES)
                print(f"  {timeline.now():6.0f} s  {self._results.progress()}", flush=True)
        runner.quit()

    def judge(self, environment: Any, **_: Any) -> None:
        if self._watcher is None:  # it was ended before it began
            return
        self._watcher.kill()
        self._results.add(StreamUser.recorder.take())
        scenario = report_scenario(self._options, StreamUser.timeline, self._results)
        Path(self._options.out).write_text(json.dumps(scenario), "utf-8")
        environment.process_exit_code = 0 if scenario["passed"] else 1
