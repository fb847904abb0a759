"""The log of an embedded server."""

from pathlib import Path

from sendoff_cli.servers.server_log import ServerLog


def test_a_log_that_is_gone_does_not_hide_the_death_that_it_should_explain(tmp_path: Path) -> None:
    log = ServerLog(tmp_path, "nats")
    log.path.unlink()
    assert log.tail() == f"{tmp_path / 'nats.log'} cannot be read: No such file or directory"
