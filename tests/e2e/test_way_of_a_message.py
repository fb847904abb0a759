"""How many files somebody opens who follows one message through the code."""

import http.client
import json
from pathlib import Path

import psycopg

from support.instances import Launcher
from support.running_files import RunningFiles
from support.waiting import wait_until
from support.whole_sendoff import free_port

#: docs/adr/0023 says why there are not fewer.
MOST_FILES = 50
#: What a worker counts of a message once it is recorded; a test that is slow to see the record notes that, too.
AFTERWARDS = {"actors/sendoff_actors/sender/delivery_metrics.py", "config/sendoff_config/metrics/bucket_counts.py"}
#: What runs in the background by chance is not there in each of so many turns.
TURNS = 25


def test_a_message_goes_through_few_files_from_its_post_to_its_record(
    launch: Launcher, sendoff_database: str, tmp_path: Path
) -> None:
    files, port = RunningFiles(tmp_path / "running-files"), free_port()
    launch.environment |= files.environment
    launch.cold = True  # what is noted begins with the interpreter
    launch.api(port)
    launch.worker()
    client = http.client.HTTPConnection("127.0.0.1", port)
    with psycopg.connect(sendoff_database, autocommit=True) as database:

        def send(number: int) -> None:
            body = json.dumps({"to": "bob", "content": "hello"})
            client.request("POST", "/v1/messages", body, {"Content-Type": "application/json"})
            response = client.getresponse()
            response.read()
            assert response.status == 202
            wait_until(lambda: _recorded(database) == number, "the delivery is recorded", every=0.002)

        for number in range(1, 4):  # connections are opened, statements prepared, the customer is read
            send(number)
        for number in range(4, 4 + TURNS):
            with files.turn():
                send(number)
    client.close()

    found = sorted(files.of_every_turn() - AFTERWARDS)
    print("\n".join(found))
    assert {"http/sendoff_http/messages/create.py", "actors/sendoff_actors/sender/recorder.py"} <= {*found}
    assert len(found) <= MOST_FILES, f"{len(found)}: " + ", ".join(found)


def _recorded(database: "psycopg.Connection[tuple[int]]") -> int:
    row = database.execute("SELECT count(*) FROM deliveries").fetchone()
    assert row is not None
    return row[0]
