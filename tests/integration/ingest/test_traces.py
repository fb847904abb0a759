"""The trace in the headers of a message on NATS goes on to its webhook."""

from support.instances import Launcher
from support.producer import Producer
from support.receiver import Receiver
from support.waiting import eventually

PARENT, STATE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "rojo=00f067aa0ba902b7"


async def test_the_trace_of_a_published_message_goes_on(
    launch: Launcher, producer: Producer, receiver: Receiver
) -> None:
    launch.ingest()
    launch.worker()
    await producer.streams_exist()
    for to, headers in {
        "both": {"traceparent": PARENT, "tracestate": STATE},
        "capital": {"Traceparent": PARENT},
        "key": {"traceparent": PARENT, "Idempotency_Key": "k"},
        "bad": {"traceparent": PARENT[1:], "tracestate": STATE},
        "none": {"tracestate": STATE},
        "no header": {},
    }.items():
        await producer.publish({"to": to, "content": 1}, **headers)
    await eventually(lambda: len(receiver.received) == 6, "all of them arrived")
    assert {
        one.message["to"]: (one.headers.get("traceparent"), one.headers.get("tracestate")) for one in receiver.received
    } == {
        "both": (PARENT, STATE),
        "capital": (PARENT, None),
        "key": (PARENT, None),
        "bad": (None, None),
        "none": (None, None),
        "no header": (None, None),
    }
    assert await producer.rejections() == []
