"""Sends events to the registered hooks, as bbb-webhooks does, or in disorder if told so.

One event at a time goes to a hook. An event that is not taken is sent again, with the same time and
so with the same checksum; a hook that does not take it for minutes is removed.
"""

import asyncio
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from urllib.parse import urlencode

import httpx

from campus.meetings.rooms import Event

DOMAIN = "meetings.campus"
RETRIES = (0.1, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 30.0, 60.0, 60.0, 60.0, 60.0)
"""Seconds before each further try, as in the configuration of bbb-webhooks."""


@dataclass
class Hook:
    """A URL that wants events of all meetings, or of one."""

    id: str
    url: str
    kinds: frozenset[str]
    """Empty: all."""
    meeting_id: str = ""
    waiting: asyncio.Queue[Event] = field(default_factory=asyncio.Queue)

    dropped: asyncio.Event = field(default_factory=asyncio.Event)

    async def settled(self) -> None:
        """Return when everything is sent, or nothing is sent any more."""
        ends = [asyncio.create_task(self.waiting.join()), asyncio.create_task(self.dropped.wait())]
        _, others = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for task in others:
            task.cancel()

    def wants(self, event: Event) -> bool:
        """Return whether an event is for this hook."""
        data = event["data"]
        is_ours = data["attributes"]["meeting"]["external-meeting-id"] == self.meeting_id
        return (not self.kinds or data["id"] in self.kinds) and (not self.meeting_id or is_ours)


class Hooks:
    """The hooks, and what is sent to them."""

    def __init__(self, secret: str, now: Callable[[], int]) -> None:
        self._secret, self._now = secret, now
        self._numbers, self._tasks = count(1), dict[str, asyncio.Task[None]]()
        self._last_timestamp = 0
        self.registered: dict[str, Hook] = {}
        """By URL."""
        self.copies, self.held = 1, 0
        """How often each event is sent; how many events are collected and then sent backwards."""
        self._collected: list[Event] = []

    def register(self, url: str, kinds: frozenset[str], meeting_id: str) -> tuple[Hook, bool]:
        """Return the hook of a URL, and whether it is new: a URL is registered once only."""
        if url in self.registered:
            return self.registered[url], False
        hook = Hook(str(next(self._numbers)), url, kinds, meeting_id)
        self.registered[url] = hook
        self._tasks[url] = asyncio.create_task(self._deliver(hook))
        return hook, True

    def remove(self, hook_id: str) -> bool:
        """Remove a hook; return whether there was one."""
        found = [hook for hook in self.registered.values() if hook.id == hook_id]
        for hook in found:
            self._tasks.pop(hook.url).cancel()
            self._drop(hook)
        return bool(found)

    def forget(self) -> None:
        """Remove all hooks."""
        for hook in list(self.registered.values()):
            self.remove(hook.id)

    def tell(self, event: Event) -> None:
        """Send an event to the hooks that want it, sooner or later."""
        self._collected.append(event)
        if len(self._collected) >= self.held:
            self.flush()

    def flush(self) -> None:
        """Send what was collected, the last event first."""
        for event in reversed(self._collected):
            for hook in self.registered.values():
                if hook.wants(event):
                    hook.waiting.put_nowait(event)
        self._collected.clear()

    async def settled(self) -> None:
        """Return when all events are sent."""
        await asyncio.gather(*(hook.settled() for hook in self.registered.values()))

    async def close(self) -> None:
        """Send nothing any more."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _deliver(self, hook: Hook) -> None:
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            while True:
                event = await hook.waiting.get()
                for _ in range(self.copies):
                    if not await self._sent(client, hook, event):
                        del self._tasks[hook.url]
                        self._drop(hook)
                        return
                hook.waiting.task_done()

    def _drop(self, hook: Hook) -> None:
        """Forget a hook; who waits until all is sent waits for it no longer."""
        del self.registered[hook.url]
        hook.dropped.set()

    async def _sent(self, client: httpx.AsyncClient, hook: Hook, event: Event) -> bool:
        url, body = self._signed(hook.url, event)
        for pause in (*RETRIES, None):
            if await _is_taken(client, url, body):
                return True
            if pause is not None:
                await asyncio.sleep(pause)
        return False

    def _signed(self, url: str, event: Event) -> tuple[str, str]:
        self._last_timestamp = max(self._now(), self._last_timestamp + 1)
        body = urlencode(
            {
                "domain": DOMAIN,
                "event": f"[{json.dumps(event, separators=(',', ':'))}]",
                "timestamp": self._last_timestamp,
            }
        )
        checksum = hashlib.sha256(f"{url}{body}{self._secret}".encode()).hexdigest()
        return f"{url}{'&' if '?' in url else '?'}checksum={checksum}", body


async def _is_taken(client: httpx.AsyncClient, url: str, body: str) -> bool:
    """Return whether the receiver took it, or refused it for good: 401 counts as taken."""
    headers = {"content-type": "application/x-www-form-urlencoded;charset=UTF-8"}
    try:
        answer = await client.post(url, content=body, headers=headers)
    except httpx.HTTPError:
        return False
    return answer.is_success or answer.status_code == 401
