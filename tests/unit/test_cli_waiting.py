"""The command waits for a condition as long as it was told to, and no longer."""

from collections.abc import Iterator

from sendoff_cli.waiting import wait_out, wait_until


def test_a_condition_that_holds_ends_the_wait() -> None:
    answers = iter([False, False, True])
    assert wait_until(lambda: next(answers), 60, every=0)
    assert next(answers, None) is None


def test_a_condition_that_never_holds_is_asked_at_least_once() -> None:
    asked: list[bool] = []

    def never() -> bool:
        asked.append(True)
        return False

    assert not wait_until(never, 0, every=0.001)
    assert asked


async def test_an_obstacle_that_goes_away_ends_the_wait() -> None:
    obstacles: Iterator[list[str]] = iter([["schema"], ["schema"], []])

    async def obstacle() -> list[str]:
        return next(obstacles)

    assert await wait_out(obstacle, 60, every=0) == []


async def test_an_obstacle_that_stays_is_returned_as_it_was_last() -> None:
    asked: list[int] = []

    async def obstacle() -> str:
        asked.append(1)
        return f"answer {len(asked)}"

    assert await wait_out(obstacle, 0.2, every=0) == f"answer {len(asked)}"
    assert len(asked) > 1
