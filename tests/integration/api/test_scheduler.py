"""Start and stop over HTTP: decided in PostgreSQL, once per command."""

from support.api import Api


async def test_a_stop_is_decided_and_seen(api: Api) -> None:
    before = (await api.get("/v1/scheduler")).json
    reply = await api.post("/v1/scheduler/stop?wait=5s", {"reason": "maintenance", "requestedBy": "jane"})
    assert reply.status == 202
    assert (reply.json["status"], reply.json["desired"], reply.json["converged"]) == ("accepted", "stopped", True)
    assert reply.json["revision"] == before["revision"] + 1
    after = (await api.get("/v1/scheduler")).json
    assert (after["desired"], after["converged"], after["revision"]) == ("stopped", True, reply.json["revision"])
    assert [one["actual"] for one in after["instances"]] == ["stopped"]
    assert await api.scalar("SELECT desired || ' ' || reason FROM control_state") == "stopped maintenance"


async def test_no_body_is_needed(api: Api) -> None:
    stopped = await api.post("/v1/scheduler/stop")
    started = await api.post("/v1/scheduler/start", {})
    assert [stopped.json["desired"], started.json["desired"]] == ["stopped", "running"]
    assert started.json["converged"] is None


async def test_a_command_counts_once(api: Api) -> None:
    first = await api.post("/v1/scheduler/stop", {"commandId": "c-1"})
    await api.post("/v1/scheduler/start")
    again = await api.post("/v1/scheduler/stop", {"commandId": "c-1"})
    assert (again.json["status"], again.json["revision"]) == ("duplicate", first.json["revision"])
    assert (await api.get("/v1/scheduler")).json["desired"] == "running"


async def test_what_is_so_already_changes_nothing(api: Api) -> None:
    revision = (await api.get("/v1/scheduler")).json["revision"]
    reply = await api.post("/v1/scheduler/start")
    assert (reply.json["status"], reply.json["revision"]) == ("no_change", revision)


async def test_one_customer_can_be_stopped(api: Api) -> None:
    reply = await api.post("/v1/scheduler/stop", {"scope": "default"})
    assert (reply.json["scope"], reply.json["desired"]) == ("default", "stopped")
    fleet = (await api.get("/v1/scheduler")).json
    assert fleet["desired"] == "running"
    assert [one["scope"] for one in fleet["scopes"]] == ["default"]


async def test_a_bad_command_is_refused(api: Api) -> None:
    for path, body in (
        ("?wait=5", {}),
        ("?wait=1h", {}),
        ("?now=1", {}),
        ("", {"ttl": "0s"}),
        ("", {"commandId": ""}),
        ("", {"scope": "a b"}),
        ("", {"reason": "x" * 501}),
        ("", {"action": "start"}),
        ("", []),
    ):
        assert (await api.post("/v1/scheduler/stop" + path, body)).status == 422, (path, body)
    assert (await api.get("/v1/scheduler")).json["desired"] == "running"


async def test_a_stop_of_a_customer_that_is_not_there_names_its_scope(api: Api) -> None:
    reply = await api.post("/v1/scheduler/stop", {"scope": "nobody"})
    assert (reply.status, reply.pointers) == (422, ["/scope"])
    assert (await api.get("/v1/scheduler")).json["scopes"] == []
    assert (await api.post("/v1/customers/nobody/pause")).status == 404
