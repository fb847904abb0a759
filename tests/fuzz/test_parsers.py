"""Whatever comes from outside is read or refused with a declared error: `make fuzz` tries 100,000 inputs at each door.

A failure is repeated with its seed: `FUZZ_SEED=7 make fuzz`.
"""

import asyncio
import hmac
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import dramatiq
import msgspec
import psutil
import pytest

from fuzz.corpus import ANSWER_TOKENS, ANSWERS, COMMANDS, CONFIG_TOKENS, CONFIGS, FACTS, HANDOFFS, VARIABLES
from fuzz.mutations import inputs
from sendoff_actors.handoffs import BrokenHandoffError, Queue, SealedHandoffs
from sendoff_config.loading import load_settings
from sendoff_control.protocol import Ack, Heartbeat, StateAnnouncement, decode, is_inbox
from sendoff_domain.control import Action, Command, parse_command
from sendoff_domain.errors import SettingsError
from sendoff_domain.webhook_response import Response
from sendoff_webhooks.client.connection import TransportError
from support.wires import feed

COUNT = int(os.environ.get("FUZZ_INPUTS", "500"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
#: What a run may add to the memory of its process; the first tenth of it fills the caches of the interpreter.
MOST_GROWTH = 24 * 1024 * 1024
KEY = b"k" * 32

pytestmark = pytest.mark.timeout(3_600)


@contextmanager
def flat_memory(name: str) -> Iterator[Callable[[int], None]]:
    """Yields what is called with the number of each input; the memory of the last is that of the first ones."""
    memory, started, first = psutil.Process(), time.perf_counter(), 0

    def passed(number: int) -> None:
        nonlocal first
        if number == COUNT // 10:
            first = memory.memory_info().rss

    yield passed
    last, seconds = memory.memory_info().rss, time.perf_counter() - started
    print(f"{name}: {COUNT:,} inputs, {seconds:.1f} s, {first >> 20} MiB at a tenth, {last >> 20} MiB at the end")
    assert last - first < MOST_GROWTH


def test_every_payload_on_the_buses_is_a_command_a_fact_or_nothing() -> None:
    with flat_memory("control") as passed:
        for number, payload in enumerate(inputs(SEED, COUNT, [*COMMANDS, *FACTS])):
            for action in (None, *Action):
                command = parse_command(payload, action)
                assert isinstance(command, Command) or 0 < len(command.error) <= 300, payload
            for fact in (decode(payload, StateAnnouncement), decode(payload, Ack), decode(payload, Heartbeat)):
                assert fact is None or msgspec.json.decode(msgspec.json.encode(fact), type=type(fact)) == fact, payload
            is_inbox(payload.decode(errors="replace"))
            passed(number)


def test_every_configuration_is_read_or_told_what_is_wrong_with_it_and_where(tmp_path: Path) -> None:
    config, random = tmp_path / "config.yaml", Random(SEED)
    with flat_memory("config") as passed:
        for number, text in enumerate(inputs(SEED, COUNT, CONFIGS, CONFIG_TOKENS)):
            config.write_bytes(text)
            environment = {random.choice(VARIABLES): text[:60].decode(errors="replace").replace("\0", "")}
            says = mistakes(config, environment)
            assert says is None or all(
                line.startswith((str(config), *environment, " ")) for line in says.splitlines()
            ), (text, environment, says)
            passed(number)


def mistakes(config: Path, environment: dict[str, str]) -> str | None:
    """What is wrong with these settings, None if nothing is; any other error would be a crash at the start."""
    try:
        load_settings(config, environment)
    except SettingsError as error:
        return str(error)
    return None


async def test_every_answer_of_a_webhook_is_an_answer_or_a_failure_however_it_is_cut() -> None:
    random = Random(SEED)
    with flat_memory("answers") as passed:
        for number, data in enumerate(inputs(SEED, COUNT, ANSWERS, ANSWER_TOKENS)):
            with_end, cut = random.random() < 0.5, random.randrange(len(data) + 1)
            whole, _ = await feed([data], with_end=with_end)
            assert isinstance(whole, Response | TransportError) or (whole is None and not with_end) or not data, data
            parts, _ = await feed([part for part in (data[:cut], data[cut:]) if part], with_end=with_end)
            assert type(parts) is type(whole), (data, cut)
            assert not isinstance(whole, Response) or parts == whole, (data, cut)
            passed(number)
            await asyncio.sleep(0)


def test_every_message_of_the_broker_is_a_hand_off_or_set_aside() -> None:
    sealed, random = SealedHandoffs(KEY), Random(SEED)
    with flat_memory("broker") as passed:
        for number, data in enumerate(inputs(SEED, COUNT, HANDOFFS)):
            queue = random.choice(list(Queue))
            assert read(sealed, data, queue) is None
            message = read(sealed, hmac.digest(KEY, data, "sha256") + data, queue)
            if message is not None:
                again = read(sealed, sealed.write(message), queue)
                assert again is not None, data
                assert (again.args, again.options) == (message.args, message.options), data
            passed(number)


def read(sealed: SealedHandoffs, data: bytes, queue: str) -> "dramatiq.Message[object] | None":
    """What the consumer does: any other error would end it."""
    try:
        return sealed.read(data, queue)
    except BrokenHandoffError as error:
        reason = str(error)
    assert 0 < len(reason) < 300, data
    return None
