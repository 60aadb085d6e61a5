"""How often passwords were tried, by whom and on whose account, in Redis. Every key ends by itself.

An address is an IPv4 address or an IPv6 network of 64 bits, of which one household or server has as many as it likes.
"""

import hashlib
import time
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, Final

from rottenbot import cache, settings

DAY: Final = 86_400
MOST_KNOWN: Final = 20
# Seconds for which a turn that has come is kept for its address, and how many may wait for theirs.
PATIENCE: Final = 300
MOST_WAITING: Final = 500

# KEYS: the counter. ARGV: its life in seconds. Returns the count with this attempt and the seconds until it restarts.
COUNT: Final = """
local count = redis.call('INCR', KEYS[1])
local left = redis.call('TTL', KEYS[1])
if left < 0 then
  redis.call('EXPIRE', KEYS[1], ARGV[1])
  left = tonumber(ARGV[1])
end
return {count, math.max(left, 1)}
"""

# KEYS: the counter, which may have ended since it was counted up.
GIVE_BACK: Final = """
if tonumber(redis.call('GET', KEYS[1]) or 0) > 0 then
  redis.call('DECR', KEYS[1])
end
"""

# KEYS: the queue, of addresses by when their turn is; the one without a name is the last turn that was given.
# ARGV: the address, the seconds between two turns, for how many a turn is kept, and how many may wait.
# Returns the seconds until the turn of the address, 0 when it has come and is used now.
TURN: Final = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local pace, patience = tonumber(ARGV[2]), tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - patience)
local turn = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or nil)
if not turn then
  local last = tonumber(redis.call('ZSCORE', KEYS[1], '') or 0)
  turn = math.max(now, last + pace)
  if redis.call('ZCARD', KEYS[1]) <= tonumber(ARGV[4]) then
    redis.call('ZADD', KEYS[1], turn, ARGV[1], turn, '')
  end
end
redis.call('EXPIRE', KEYS[1], math.ceil(turn - now + pace + patience))
if turn > now then
  return math.ceil(turn - now)
end
redis.call('ZREM', KEYS[1], ARGV[1])
return 0
"""


def count(scope: str, *who: str) -> tuple[int, int]:
    """Count one more attempt; returns the count in the running window and the seconds until the window ends."""
    with cache.exchange() as client:
        answer: Any = client.eval(COUNT, 1, _key(scope, *who), settings.attempts().attempts_window_seconds)
    attempts, seconds = answer
    return attempts, seconds


def give_back(scope: str, *who: str) -> None:
    """Count one attempt less."""
    with cache.exchange() as client:
        client.eval(GIVE_BACK, 1, _key(scope, *who))


def forgive(account: str, address: str) -> None:
    """Forget the attempts of an address on an account that it has now proved to be its own, and this one of each."""
    # Not one transaction: a cluster takes that only for keys that lie in the same place.
    with cache.exchange() as client, client.pipeline(transaction=False) as together:
        together.delete(_key("pair", account, network(address)))
        together.eval(GIVE_BACK, 1, _key("account", account))
        together.eval(GIVE_BACK, 1, _key("address", network(address)))
        together.execute()


def wait(account: str, address: str) -> int:
    """The seconds until an address may try an account on which addresses take turns; 0 when it may now.

    Turns are `ATTEMPTS_TURN_SECONDS` apart, in the order of asking; each address waits for one at a time, so that an
    owner at a new address waits for no more turns than there are others. While MOST_WAITING wait, a further one gets no
    turn: who has so many addresses keeps out an owner who comes from a new one, though not from a known one. An hour
    has as many tries as turns (720), and those of each window before there are turns (4 times 10).
    """
    pace = settings.attempts().attempts_turn_seconds
    with cache.exchange() as client:
        seconds: Any = client.eval(
            TURN, 1, _key("turns", account), _digest(network(address)), pace, PATIENCE, MOST_WAITING
        )
    return int(seconds)


def is_known(account: str, address: str) -> bool:
    """Whether somebody has lately logged in to an account from this address."""
    with cache.exchange() as client:
        until = client.zscore(_key("known", account), _digest(network(address)))
    return until is not None and until > time.time()


def remember(account: str, address: str) -> None:
    """Keep in mind that an account was logged in to from this address."""
    life = settings.attempts().attempts_known_days * DAY
    key = _key("known", account)
    with cache.exchange() as client, client.pipeline() as together:
        together.zadd(key, {_digest(network(address)): time.time() + life})
        together.zremrangebyrank(key, 0, -MOST_KNOWN - 1)
        together.expire(key, life)
        together.execute()


def forget(account: str) -> None:
    """Forget the addresses of an account."""
    with cache.exchange() as client:
        client.delete(_key("known", account))


def network(address: str) -> str:
    """What counts as one address."""
    try:
        given = ip_address(address)
    except ValueError:
        return address
    if not isinstance(given, IPv6Address):
        return str(given)
    return str(given.ipv4_mapped or ip_network((int(given), 64), strict=False))


def _key(scope: str, *who: str) -> str:
    return f"attempts:{scope}:{_digest(*who)}"


def _digest(*who: str) -> str:
    return hashlib.sha256("\0".join(who).encode(errors="replace")).hexdigest()
