"""Who has something to claim: a look at what is due first, and one customer after the other when that is much."""

from datetime import timedelta

from sendoff_actors.claimer.claim_limits import DemandScan
from sendoff_db.pool import Connection
from sendoff_domain.claim_plan import Demand

NOW = timedelta(0)
_DUE = """
INSERT INTO due (message_id, customer_id, due_at, visible_at)
SELECT gen_random_uuid(), format(%(customer)s, to_char(n, 'FM0000')), now() - %(since)s, now() - %(since)s
  FROM generate_series(1, %(count)s) AS n
"""
_RETRIES = """
INSERT INTO retries SELECT (jsonb_populate_record(NULL::retries, row || '{"attempts": 1, "incarnation": 1}')).*
  FROM (SELECT jsonb_build_object('message_id', gen_random_uuid(), 'customer_id', %(customer)s::text, 'generation', 0,
                                  'token', 1, 'next_attempt_at', now() - %(since)s) AS row
          FROM generate_series(1, %(count)s)) AS made
"""


async def put(connection: Connection, statement: str, customer: str, count: int, since: float = 1) -> None:
    """Messages of a customer that have been due for so many seconds; `%s` in its name stands for their number."""
    values = {"customer": customer, "count": count, "since": timedelta(seconds=since)}
    await connection.execute(statement.encode(), values)


async def test_what_waits_is_counted_by_customer(connection: Connection) -> None:
    await put(connection, _DUE, "a", 3)
    await put(connection, _RETRIES, "a", 2)
    await put(connection, _RETRIES, "b", 1)
    await put(connection, _DUE, "later", 5, since=-3600)
    demands = await DemandScan().look(connection, 10, NOW)
    assert sorted(demands, key=lambda one: one.customer) == [Demand("a", 3, 2), Demand("b", 0, 1)]


async def test_what_is_due_within_the_horizon_counts(connection: Connection) -> None:
    await put(connection, _DUE, "soon", 1, since=-30)
    scan = DemandScan()
    assert await scan.look(connection, 10, NOW) == []
    assert await scan.look(connection, 10, timedelta(seconds=60)) == [Demand("soon", 1, 0)]


async def test_a_backlog_does_not_hide_who_waits_behind_it(connection: Connection) -> None:
    await put(connection, _DUE, "large", 500, since=60)
    await put(connection, _DUE, "small", 2)
    await put(connection, _RETRIES, "relapsing", 500, since=60)
    await put(connection, _RETRIES, "retrying", 3)
    demands = {demand.customer: demand for demand in await DemandScan().look(connection, 100, NOW)}
    assert demands["small"] == Demand("small", 2, 0)
    assert demands["retrying"] == Demand("retrying", 0, 3)
    assert demands["large"] == Demand("large", 100, 0), "as many as a claim takes"


async def test_what_is_claimed_does_not_wait(connection: Connection) -> None:
    await put(connection, _DUE, "a", 3)
    await connection.execute(b"UPDATE due SET holder = 'one', visible_at = now() - interval '1 s'")
    assert await DemandScan().look(connection, 10, NOW) == []


async def test_with_too_many_customers_for_one_look_each_gets_its_turn(connection: Connection) -> None:
    """A look walks over a thousand customers, and the next one goes on behind them and begins again at the end."""
    await put(connection, _DUE, "c%s", 1500)
    scan = DemandScan()
    looks = [[demand.customer for demand in await scan.look(connection, 100, NOW)] for _ in range(3)]
    names = [f"c{number:04}" for number in range(1, 1501)]
    assert [sorted(look) for look in looks] == [names[:1000], names[1000:], names[:1000]]


async def test_each_process_remembers_its_own_way(connection: Connection) -> None:
    await put(connection, _DUE, "c%s", 1500)
    first, second = DemandScan(), DemandScan()
    await first.look(connection, 100, NOW)
    assert [len(await scan.look(connection, 100, NOW)) for scan in (first, second)] == [500, 1000]
