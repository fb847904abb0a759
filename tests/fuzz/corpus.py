"""What is valid at each door, for the fuzzers to break."""

import json
import re
from pathlib import Path

import dramatiq
import msgspec

from sendoff_actors.handoffs import ActorName, Batch, Tick, Undeliverable
from sendoff_domain.message import DeathReason
from support.claims import claimed, failed_attempt

COMMANDS = [
    *(b"start", b"stop", b"", b"{}", b'{"action":"stop"}', b'{"action":"start","scope":"acme","ttl":"1h30m"}'),
    b'{"action":"stop","commandId":"c-1","reason":"maintenance","requestedBy":"jane","ttl":"30s",'
    b'"issuedAt":"2026-11-26T10:00:00.123456Z","more":[1,2.5,null,{"a":"\\u00e9"}]}',
]
_SENDER: dict[str, object] = {"sender": "one-worker-0", "epoch": 1, "revision": 7, "scope": "global"}
_PROCESS: dict[str, object] = {
    "instance": "one",
    "process": 0,
    "role": "worker",
    "host": "here",
    "pid": 17,
    "version": "0.1.0",
}
_PROCESS |= {"startedAt": "2026-11-26T10:00:00Z", "buses": {"nats": "up", "redis": "down", "postgres": "off"}}
FACTS = [
    json.dumps(fact).encode()
    for fact in (
        {**_SENDER, "desired": "stopped", "commandId": "c-1"},
        {**_SENDER, "actual": "running", "inFlight": 3},
        {**_SENDER, "actual": "running", "inFlight": 3, **_PROCESS},
    )
]

#: The sections of our own config.yaml, without its comments: parsing all of it takes ten milliseconds.
_OWN = re.sub(rb"[ \t]*#.*", b"", (Path(__file__).parents[2] / "config.yaml").read_bytes())
CONFIGS = [
    *re.findall(rb"^\w+:.*\n(?:[ \n].*\n?)*", _OWN, re.MULTILINE),
    b"scheduler:\n    enabled: true\n    interval: 2m\n    batchSize: 2\n    maxConcurrent: 2\n",
    b"retry: {attempts: 5, first: 10s, factor: 2.5, max: 1h, jitter: 0.1}\nretention: 30d\n",
    b"retry:\n  waits: [1m, 1h, 1d]\nwebhook:\n  url: https://example.org/\n  responseRule: {statuses: [2xx]}\n",
    b"http:\n  host: 0.0.0.0\n  port: 8080\n  apiKeys:\n    - {name: a, secret: a-secret-of-a-length}\n",
    b"security:\n  allowedNetworks: [10.0.0.0/8, '::1/128']\npostgres: &p {url: 'postgresql://u:p@h/d'}\nlogging: {}\n",
]
CONFIG_TOKENS = [
    *(b"!!int ", b"!!float ", b"!!bool ", b"!!timestamp ", b"!!binary ", b"!!set ", b"!!omap ", b"!!python/none "),
    *(b"&a ", b"*a", b"<<: ", b"? ", b"- ", b"| \n", b"> \n", b"%YAML 1.2\n", b"---\n", b"...\n", b"!x ", b"{[1]: 2}"),
    *(b".inf", b".nan", b"2:30", b"2026-01-01", b"yes", b"~", b"=", b"0o17", b"#", b"'", b"@", b"`", b"[" * 500),
]
VARIABLES = [
    *("SENDOFF_SCHEDULER__BATCH_SIZE", "SENDOFF_RETRY", "SENDOFF_RETRY__WAITS", "SENDOFF_HTTP__API_KEYS"),
    *("SENDOFF_HTTP__PORT", "SENDOFF_POSTGRES__URL", "SENDOFF_WEBHOOK__URL", "SENDOFF_SECURITY__ALLOWED_NETWORKS"),
    *("SENDOFF_WEBHOOK__RESPONSE_RULE", "SENDOFF_RETENTION", "SENDOFF_LOGGING__LEVEL", "SENDOFF_X__Y", "SENDOFF___"),
]

ANSWERS = [
    b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-type: application/json\r\n\r\nhello",
    b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\ntransfer-encoding: chunked\r\n\r\n"
    b"3;a=b\r\nhel\r\n2\r\nlo\r\n0\r\nx: y\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nserver: old\r\n\r\nhello",
    b"HTTP/1.1 500 E\ncontent-length: 4\n\noops",
    b"HTTP/1.1 429 Slow Down\r\nretry-after: Wed, 21 Oct 2026 07:28:00 GMT\r\nconnection: close\r\n\r\n",
]
ANSWER_TOKENS = [
    *(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 \r\n\r\n", b"HTTP/2 200\r\n", b"HTTP/1.1 101 S\r\n", b"\r\n\r\n", b": "),
    *(b"content-length: 5\r\n", b"content-length: -1\r\n", b"content-length: 1, 1\r\n", b"transfer-encoding: gzip\r\n"),
    *(b"transfer-encoding: chunked\r\n", b"ffffffffffffffff\r\n", b"0\r\n\r\n", b"\r\n continued", b"upgrade: h2c\r\n"),
]

HANDOFFS = [
    msgspec.json.encode(dramatiq.Message(name.queue, name, arguments, {}, {"redis_message_id": "1"}).asdict())
    for name, arguments in (
        (ActorName.CLAIM, (Tick("one", 1, 2.0, 10, True),)),
        (ActorName.SEND, (Batch("batch", 1.0, 9.0, False, [claimed(), claimed(retry='"once"', probe=True)]),)),
        (ActorName.RETRY, ([failed_attempt(answer=b"no \xff", retry_after=2.5)],)),
        (ActorName.BURY, ([Undeliverable("a" * 32, 7, DeathReason.EXPIRED)],)),
        (ActorName.CLEAN_UP, ()),
    )
]
