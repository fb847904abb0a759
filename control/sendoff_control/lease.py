"""A lease in Redis: at most one process holds it, and each term has a token that never comes back."""

import uuid

from redis.asyncio import Redis

TTL = 2.0
_RENEW = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], ARGV[2]) end return 0"
_DELETE = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"


class Lease:
    """The right to act on a command that every process has heard; a term is the time for which one process has it.

    If `renew` says yes, the term has been unbroken since `acquire`: its token is set only once, and when it ran out or
    was taken it is gone for good. All methods raise redis errors when Redis does not answer.
    """

    def __init__(self, client: Redis, key: str, holder: str) -> None:
        self._client = client
        self._key = key
        self._holder = holder
        self.token: str | None = None

    async def acquire(self) -> bool:
        """Begin a term if no process holds the lease; `token` is set from then on."""
        token = f"{self._holder}:{uuid.uuid4().hex}"
        if not await self._client.set(self._key, token, nx=True, px=round(TTL * 1000)):
            return False
        self.token = token
        return True

    async def renew(self) -> bool:
        """Prolong the term; False when it is over, or there was none."""
        token = self.token
        if token is None:
            return False
        renewed: int = await self._client.eval(_RENEW, 1, self._key, token, str(round(TTL * 1000)))
        if not renewed and self.token == token:
            self.token = None
        return bool(renewed)

    async def release(self) -> None:
        """End the term at once, if there is one."""
        token, self.token = self.token, None
        if token is not None:
            await delete_if_equal(self._client, self._key, token)


async def delete_if_equal(client: Redis, key: str, value: str | bytes) -> None:
    """Delete a key that still holds that value; one that was written since stays."""
    await client.eval(_DELETE, 1, key, value)
