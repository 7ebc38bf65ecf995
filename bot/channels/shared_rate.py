"""The rate limit of several chat servers: the same token bucket, kept in Redis.

One script takes a token, so messages that arrive at two servers at once do not both see the last one. Where Redis does not
answer, each server limits for itself: a limit is no reason to leave a patient unanswered.
"""

from __future__ import annotations

import hashlib
import hmac

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.channels.guard import RateLimit
from bot.logs import place_of

_log = structlog.get_logger(__name__)
# KEYS: the bucket. ARGV: tokens a ms, the most it holds, how many to take (-1: put one back). The reply is in ms.
_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local rate, most, take = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = most
if kept[1] then tokens = math.min(most, tonumber(kept[1]) + math.max(0, now - tonumber(kept[2])) * rate) end
local wait = 0
if tokens >= take then tokens = math.min(most, tokens - take) else wait = math.ceil((take - tokens) / rate) end
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', now)
redis.call('PEXPIRE', KEYS[1], math.ceil(most / rate))
return wait
"""


class SharedRateLimit(RateLimit):
    """`rate` messages a minute and account over all servers that share one Redis.

    Args:
        rate: messages a minute; 0 is no limit.
        url: address of Redis.
        secret: keys the hash under which an account's bucket is kept, so that Redis holds no names.
    """

    def __init__(self, rate: int, url: str, secret: str) -> None:
        super().__init__(rate)
        self._url = url
        self._key = secret.encode("utf-8")
        self._redis: Redis | None = None

    async def admit(self, account: str) -> float:
        """Takes one message; 0 where it may pass, else the seconds until the next may."""
        if not self._per_second:
            return 0.0
        try:
            return await self._take(account, 1)
        except (RedisError, OSError) as error:
            _log.warning("the rate is limited by this server alone", where=place_of(error)[:1])
            return self.wait(account)

    async def put_back(self, account: str) -> None:
        """Puts one message back that turned out to be a repetition."""
        if not self._per_second:
            return
        try:
            await self._take(account, -1)
        except (RedisError, OSError):
            self.give_back(account)

    async def _take(self, account: str, tokens: int) -> float:
        if self._redis is None:  # made inside the running loop, to which its connections belong
            self._redis = Redis.from_url(self._url, socket_timeout=1.0, socket_connect_timeout=1.0)
            self._script = self._redis.register_script(_TAKE)
        name = hmac.new(self._key, account.encode("utf-8"), hashlib.sha256).hexdigest()[:40]
        wait = await self._script(keys=[f"sparc:rate:{name}"], args=[self._per_second / 1000, self._burst, tokens])
        return int(wait) / 1000

    async def close(self) -> None:
        """Closes the connections."""
        if self._redis is not None:
            await self._redis.close()
            self._redis = None
