"""Pages somebody about dead letters: one page for a burst of them, and again until the page was taken.

PAGER_URL=https://pager.example.org/hook NATS_URL=nats://127.0.0.1:4222 python page_dead_letters.py
"""

import asyncio
import json
import logging
import os
import urllib.request
from collections import Counter

import nats
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, DeliverPolicy

STREAM = os.environ.get("STREAM", "SENDOFF_EVENTS_DEAD")
BURST = float(os.environ.get("BURST_SECONDS", "10"))  # what comes within it is one page
MOST = 500  # and so is what of it is in memory; NATS gives it again after the time that it takes to page


async def gather(pull: JetStreamContext.PullSubscription) -> list[Msg]:
    """The next dead letter, and those that follow within the burst."""
    burst: list[Msg] = []
    loop, end = asyncio.get_running_loop(), None
    while len(burst) < MOST and (end is None or loop.time() < end):
        try:
            burst += await pull.fetch(MOST - len(burst), timeout=5 if end is None else max(0.1, end - loop.time()))
        except TimeoutError:  # nothing came
            continue
        end = end or (loop.time() + BURST if burst else None)
    return burst


def page(burst: list[Msg]) -> None:
    """Post one page; raises OSError when it is not taken."""
    events = {event["id"]: event["data"] for event in (json.loads(message.data) for message in burst)}
    groups = Counter(f"{data['customer']} ({data['reason']})" for data in events.values())
    text = f"{len(events)} dead letters: " + ", ".join(f"{count} of {group}" for group, count in groups.most_common(5))
    body, kind = json.dumps({"text": text}).encode(), {"Content-Type": "application/json"}
    request = urllib.request.Request(os.environ["PAGER_URL"], body, kind)  # noqa: S310  whoever starts it names the URL
    urllib.request.urlopen(request, timeout=20).close()  # noqa: S310  as above


async def main() -> None:
    """Page for ever; a process that dies between a page and its acknowledgement pages twice."""
    client = await nats.connect(os.environ.get("NATS_URL", "nats://127.0.0.1:4222"), max_reconnect_attempts=-1)
    config = ConsumerConfig(deliver_policy=DeliverPolicy.NEW, ack_wait=BURST + 60, max_ack_pending=MOST)
    pull = await client.jetstream().pull_subscribe("", durable="pager", stream=STREAM, config=config)
    while True:
        burst = await gather(pull)
        try:
            await asyncio.to_thread(page, burst)
        except OSError as error:
            logging.warning("the page was not taken, again in %g s: %s", BURST, error)
            await asyncio.gather(*(message.nak(delay=BURST) for message in burst))
        else:
            await asyncio.gather(*(message.ack() for message in burst))


if __name__ == "__main__":
    asyncio.run(main())
