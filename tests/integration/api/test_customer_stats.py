"""What came of a customer's messages by the hour."""

from support.api import Api
from support.customers import create

LATENESS = "ARRAY[97, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0]"


async def add_hour(api: Api, ago: int, lateness: str = LATENESS, incarnation: str = "incarnation") -> None:
    """An hour of acme, so many hours ago."""
    await api.db.execute(
        f"INSERT INTO customer_hours SELECT {incarnation}, id, date_trunc('hour', now()) - {ago} * interval '1 hour',"
        f" 3, 1, 59, {lateness} FROM customers WHERE id = 'acme'".encode()
    )


async def test_the_hours_are_shown_newest_first(api: Api) -> None:
    await create(api, id="acme")
    assert (await api.get("/v1/customers/acme/stats")).json == {"data": []}
    await add_hour(api, 23)
    await add_hour(api, 0, "array_fill(0, ARRAY[20])")
    await add_hour(api, 24)
    await add_hour(api, 1, incarnation="999999")
    newest, oldest = (await api.get("/v1/customers/acme/stats")).json["data"]
    assert (oldest["delivered"], oldest["failedAttempts"], oldest["dead"]) == (100, 3, 1)
    assert oldest["latenessP50Seconds"] < 0.001 < oldest["latenessP99Seconds"] <= 0.005
    assert oldest["latenessMaxSeconds"] == 59
    assert newest["hour"] > oldest["hour"]
    assert (newest["delivered"], newest["latenessP50Seconds"], newest["latenessMaxSeconds"]) == (0, None, None)
    assert len((await api.get("/v1/customers/acme/stats?hours=25")).json["data"]) == 3


async def test_the_hours_of_nobody_and_of_no_time_are_refused(api: Api) -> None:
    assert (await api.get("/v1/customers/nobody/stats")).status == 404
    for hours in ("0", "2161", "many"):
        reply = await api.get(f"/v1/customers/default/stats?hours={hours}")
        assert (reply.status, reply.pointers) == (422, ["?hours"]), hours
