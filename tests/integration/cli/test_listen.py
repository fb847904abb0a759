"""`sendoff listen`: a webhook that shows, checks and fails as it was told to."""

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook

from support.client import Client
from support.command_line import COMMAND, clean_environment
from support.warm_command import sendoff

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Listening:
    """A running `sendoff listen`, and what it has shown."""

    def __init__(self, process: "subprocess.Popen[str]", url: str) -> None:
        self._process = process
        self._url = url

    def post(self, body: bytes, attempt: int = 1, **headers: str) -> int:
        """Post as Sendoff does; returns the status."""
        own = {"sendoff-attempt": str(attempt), "webhook-id": "msg_1"}
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return Client(self._url).call("POST", "/hook", body, {**own, **given}).status

    def signed(self, body: bytes, attempt: int = 1, message_id: str = "msg_1") -> int:
        now = datetime.now(UTC)
        signature = Webhook(SECRET).sign(message_id, now, body.decode())
        return self.post(
            body,
            attempt,
            webhook_id=message_id,
            webhook_timestamp=str(int(now.timestamp())),
            webhook_signature=signature,
        )

    def line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def shown(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.line())
        return document

    def stop(self) -> int:
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(30)


@contextmanager
def listening(folder: Path, *words: str) -> Iterator[Listening]:
    process = subprocess.Popen(
        [*COMMAND, "listen", "--port", "0", *words],
        cwd=folder,
        env=clean_environment({}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stderr is not None
            url = next(word for word in process.stderr.readline().split() if word.startswith("http")).rstrip("/")
            yield Listening(process, url)
        finally:
            if process.poll() is None:
                process.kill()


BODY = b'{"id":"msg_1","to":"jane","content":"Hello [b]\\u001b[2J","metadata":{}}'


def test_a_signed_message_is_shown_and_taken_and_another_is_not(folder: Path) -> None:
    (folder / "secret").write_text(SECRET + "\n")
    with listening(folder, "--secret-from", "secret", "--json") as webhook:
        assert webhook.signed(BODY) == 200
        shown = webhook.shown()
        assert (shown["message"]["to"], shown["attempt"], shown["signature_fault"]) == ("jane", "1", "")
        assert webhook.post(BODY) == 400
        assert webhook.shown()["signature_fault"] == "it has no webhook-timestamp and no webhook-signature"
        old = str(int(time.time()) - 3_600)
        assert webhook.post(BODY, webhook_timestamp=old, webhook_signature="v1,x") == 400
        assert " s away from now" in webhook.shown()["signature_fault"]
        now = str(int(time.time()))
        assert webhook.post(BODY, webhook_timestamp=now, webhook_signature="v1,eA==") == 400
        assert "signed with another secret" in webhook.shown()["signature_fault"]
        assert webhook.signed(b"[1]") == 400
        assert webhook.stop() == 0


def test_it_fails_and_hangs_as_often_as_it_was_told_for_each_message(folder: Path) -> None:
    with listening(folder, "--fail", "503", "--times", "2", "--hang", "300ms") as webhook:
        started = time.monotonic()
        assert [webhook.post(BODY, attempt) for attempt in (1, 2, 3)] == [503, 503, 200]
        assert time.monotonic() - started >= 0.6
        assert webhook.post(BODY, webhook_id="msg_2") == 503
        first = webhook.line()
        assert "jane Hello [b]" in first
        assert "\x1b" not in first
        assert "msg_1 attempt 1 -> 503 after 0.3 s" in first
        assert webhook.stop() == 0


def test_wrong_options_are_refused(folder: Path) -> None:
    (folder / "secret").write_text("no secret")
    for words, said in {
        ("--times", "3"): "expected --fail or --hang beside it",
        ("--hang", "soon"): "--hang",
        ("--secret-from", "secret"): "expected a secret that starts with whsec_",
        ("--fail", "99"): "greater than or equal to 200",
    }.items():
        done = sendoff("listen", *words, folder=folder)
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr
