"""Small programs in the place of `redis-cli` and `nats`, where those are not installed."""

import shutil
import sys
from pathlib import Path

_PROGRAMS = {
    "redis-cli": """
import sys
from redis import Redis

flag, url, *command = sys.argv[1:]
assert flag == "-u", flag
with Redis.from_url(url) as client:
    print(client.execute_command(*command))
""",
    "nats": """
import asyncio
import sys
import nats

flag, url, verb, subject, payload = sys.argv[1:]
assert flag == "-s", flag


async def main():
    client = await nats.connect(url)
    if verb == "request":
        print((await client.request(subject, payload.encode(), timeout=10)).data.decode())
    else:
        assert verb == "pub", verb
        await client.publish(subject, payload.encode())
    await client.drain()


asyncio.run(main())
""",
}


def put_stand_ins(folder: Path) -> None:
    """Write those that are missing into a folder that will be on PATH."""
    for name, source in _PROGRAMS.items():
        if shutil.which(name) is None:
            program = folder / name
            program.write_text(f"#!{sys.executable}{source}", encoding="utf-8")
            program.chmod(0o755)
