"""Passwords against bcrypt hashes: its price is paid once a client, and by few at a time."""

import asyncio
import hashlib
import hmac
import secrets
from collections import Counter, OrderedDict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from bcrypt import checkpw, gensalt

from xo_exporter.web.turned_away import TurnedAway

_VERDICTS: Final = 100  # remembered of either kind
_WAITING: Final = 50  # at most, of all clients …
_WAITING_OF_ONE: Final = 10  # … and of one address
_BCRYPT_BYTES: Final = 72  # bcrypt looks at no more of a password


class TooManyAtOnce(Exception):
    """So many passwords wait for bcrypt that this one is not looked at."""


class Passwords:
    """Says whether users have given their passwords, and remembers it.

    What was found right is forgotten for no number of wrong ones, and never waits for them.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._right: OrderedDict[bytes, None] = OrderedDict()
        self._wrong: OrderedDict[bytes, None] = OrderedDict()
        self._under_way: dict[bytes, asyncio.Task[bool]] = {}
        self._waiting: Counter[str] = Counter()  # by the client's address
        # One of its own: what works on scrapes is not to wait for it.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="bcrypt")
        self._nobody: dict[int, bytes] = {}
        self._too_many = TurnedAway("too many passwords at once, most of them wrong")

    async def is_right(
        self, users: Mapping[str, bytes], user: str, password: bytes, client: str
    ) -> bool:
        """Whether `password` is that of `user`; `users` has the hashes, at least one.

        client: an address. Raises TooManyAtOnce.
        """
        known = users.get(user)
        # Nobody by that name costs as much time as a wrong password.
        hashed = known if known is not None else self._nobodys_hash(users)
        parts = b"\0".join(
            hashlib.sha256(part).digest() for part in (user.encode(), hashed, password)
        )
        key = hmac.digest(self._key, parts, "sha256")
        for verdicts in (self._right, self._wrong):
            if key in verdicts:
                verdicts.move_to_end(key)
                return verdicts is self._right
        if key not in self._under_way:
            if len(self._under_way) >= _WAITING or self._waiting[client] >= _WAITING_OF_ONE:
                self._too_many.one_more()
                raise TooManyAtOnce
            check = self._check(key, password, hashed, client, is_known=known is not None)
            self._waiting[client] += 1
            self._under_way[key] = asyncio.create_task(check)
        # Whoever goes away leaves its check to end: it can't be stopped, and others may wait.
        return await asyncio.shield(self._under_way[key])

    async def _check(
        self, key: bytes, password: bytes, hashed: bytes, client: str, *, is_known: bool
    ) -> bool:
        loop = asyncio.get_running_loop()
        try:
            matches = await loop.run_in_executor(self._thread, _matches, password, hashed)
            is_right = matches and is_known
            verdicts = self._right if is_right else self._wrong
            verdicts[key] = None
            if len(verdicts) > _VERDICTS:
                verdicts.popitem(last=False)
            return is_right
        finally:
            del self._under_way[key]
            self._waiting -= Counter({client: 1})

    def _nobodys_hash(self, users: Mapping[str, bytes]) -> bytes:
        rounds = max(int(known.split(b"$")[2]) for known in users.values())
        if rounds not in self._nobody:
            self._nobody[rounds] = gensalt(rounds) + b"." * 31
        return self._nobody[rounds]

    async def close(self) -> None:
        """Let go of the passwords that still wait."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)


def _matches(password: bytes, hashed: bytes) -> bool:
    try:
        return checkpw(password[:_BCRYPT_BYTES], hashed)
    except ValueError:
        return False
