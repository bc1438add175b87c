import asyncio
import time

from {{ cookiecutter.package_name }}.streaming import (
    turns,
)

WORK_SECONDS = 0.002


def compute() -> None:
    until = time.thread_time() + WORK_SECONDS
    while time.thread_time() < until:
        pass


def test_the_loop_goes_round_however_much_is_to_be_computed():
    async def rounds_meanwhile() -> int:
        waiting = asyncio.gather(*(turns.in_turn(compute) for _ in range(100)))
        rounds = 0
        while not waiting.done():
            rounds += 1
            await asyncio.sleep(0)
        return rounds

    assert asyncio.run(rounds_meanwhile()) > 90


def test_turns_are_given_in_the_order_of_asking():
    async def order() -> list[int]:
        given: list[int] = []

        async def take(name: int) -> None:
            await turns.take_turn()
            given.append(name)
            compute()

        await asyncio.gather(*(take(name) for name in range(100)))
        return given

    assert asyncio.run(order()) == list(range(100))


def test_who_takes_one_turn_after_the_other_lets_others_in():
    async def turns_of_the_greedy() -> int:
        taken = 0

        async def take_all() -> None:
            nonlocal taken
            while True:
                await turns.in_turn(compute)
                taken += 1

        greedy = asyncio.create_task(take_all())
        await asyncio.sleep(0)
        before = taken
        await turns.take_turn()
        greedy.cancel()
        return taken - before

    assert asyncio.run(turns_of_the_greedy()) <= 3


def test_who_no_longer_waits_keeps_nobody_from_a_turn():
    async def take_with_cancelled() -> None:
        await turns.in_turn(time.sleep, turns.ROUND_SECONDS)
        waiting = [asyncio.create_task(turns.take_turn()) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        async with asyncio.timeout(1):
            await turns.take_turn()
            await asyncio.gather(*waiting, return_exceptions=True)

    asyncio.run(take_with_cancelled())


def test_a_loop_that_ends_in_a_round_leaves_the_next_one_free():
    async def take() -> None:
        async with asyncio.timeout(1):
            await turns.take_turn()

    for _ in range(2):
        asyncio.run(take())
