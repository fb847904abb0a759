"""What an API process remembers of keys; that revoked ones are refused is in tests/integration/api/test_keys.py."""

import asyncio
from typing import Any, cast

from sendoff_domain.access import Caller, Scope
from sendoff_http.web.key_cache import KeyCache
from support.waiting import eventually

DIGEST = b"digest"
CALLER = Caller("key_1", frozenset({Scope.READ_MESSAGES}))


class Cache(KeyCache):
    """Answers its queries when the test says so, in the order in which they were asked."""

    def __init__(self) -> None:
        super().__init__(cast("Any", None))
        self.queries: list[asyncio.Future[Caller | None]] = []

    async def _query(self, digest: bytes) -> Caller | None:
        assert digest == DIGEST
        self.queries.append(asyncio.get_running_loop().create_future())
        return await self.queries[-1]


async def asked(cache: Cache, count: int) -> None:
    await eventually(lambda: len(cache.queries) == count, f"{count} queries are asked")


async def test_requests_of_one_key_share_a_query() -> None:
    cache = Cache()
    requests = [asyncio.create_task(cache.find(DIGEST)) for _ in range(10)]
    await asked(cache, 1)
    requests[0].cancel()
    cache.queries[0].set_result(CALLER)
    assert await asyncio.gather(*requests[1:]) == [CALLER] * 9
    assert await cache.find(DIGEST) == CALLER
    assert len(cache.queries) == 1


async def test_what_was_read_while_a_key_was_revoked_is_neither_kept_nor_shared() -> None:
    cache = Cache()
    before = asyncio.create_task(cache.find(DIGEST))
    await asked(cache, 1)
    cache.forget(CALLER.id)
    after = asyncio.create_task(cache.find(DIGEST))
    await asked(cache, 2)
    cache.queries[1].set_result(None)
    assert await after is None
    cache.queries[0].set_result(CALLER)
    assert await before == CALLER  # it came before the revocation
    late = asyncio.create_task(cache.find(DIGEST))
    await asked(cache, 3)
    cache.queries[2].set_result(None)
    assert await late is None
