"""Streams that follow feeds. They cost no thread each.

A thread asks each feed once a second which of its keys has news, with one question for all streams.
Only streams with news get one of a few threads, for as long as they are sent what is new. Where a
stream is in its feed is all that is kept of it, so a slow reader costs no memory.
"""

import contextvars
import threading
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import structlog

from chassis.context import deadline
from chassis.data.store import is_away
from chassis.edge.auth import Unauthenticated
from chassis.edge.follow import Feed, Following
from chassis.edge.grpc.call import OpenCall
from chassis.edge.grpc.streams import LONGEST_OPERATION, MOST_EACH
from chassis.edge.statuses import Draining, Exhausted
from chassis.operations import metrics

# An open stream takes 20 KB of memory, and its share of one question a second (measured).
MOST_FOLLOWED = 5_000
# Threads that send. A caller has a few of them at most: who does not read holds up nobody else.
SENDERS, SENDERS_EACH = 32, 4
# Seconds between two questions for news.
PAUSE = 1.0
# Seconds that a reader has for what is sent at a time; then the stream is cut.
SLOW = 10.0
# Messages that are read at a time, and keys in one question.
CHUNK, KEYS = 100, 1_000
# Seconds between two looks at whether all streams have ended.
SHORT_PAUSE = 0.05
STOPS = "this replica stops; call again and another one answers"

log = structlog.get_logger()


class Followed:
    """One open stream."""

    def __init__(self, call: OpenCall, subject: str, until: float, following: Following) -> None:
        """`until` is the time when the caller's token expires, in Unix seconds."""
        self.call, self.subject, self._until = call, subject, until
        self.feed, self.key, self.number = following.feed, following.key, following.number
        # What the call set (request id, trace, principal) for what is done on other threads.
        self.context = contextvars.copy_context()
        self.sends_since: float | None = None
        """Since when a message is sent, by the monotonic clock; None: none is."""
        self.error: Exception | None = None
        """Why it ends."""

    def send(self) -> None:
        """Send what is new, until there is nothing more or the stream is to end."""
        while self.error is None:
            with deadline.within(LONGEST_OPERATION):
                messages = self.feed.after(self.key, self.number, CHUNK)
            for number, message in messages:
                self.end_if_expired()
                if self.error is not None or not self._sent(message.SerializeToString()):
                    return
                self.number = number
            if len(messages) < CHUNK:
                return

    def end_if_expired(self) -> None:
        """Let it end if the token has expired."""
        if time.time() > self._until:
            self.error = Unauthenticated("the token has expired; call again with a fresh one")

    def cut_if_slow(self) -> None:
        """Cancel the call if its reader takes nothing."""
        since = self.sends_since
        if since is not None and time.monotonic() - since > SLOW:
            self.error = Exhausted("you receive too slowly", "readers")
            self.call.cancel()

    def _sent(self, message: bytes) -> bool:
        self.sends_since = time.monotonic()
        try:
            return self.call.send(message)
        finally:
            self.sends_since = None


class Followers:
    """The open streams of a server that follow feeds."""

    def __init__(self, service: str, most: int = MOST_FOLLOWED, most_each: int = MOST_EACH) -> None:
        self.threads = ThreadPoolExecutor(SENDERS, "follow")
        self._most, self._most_each = most, most_each
        self._lock = threading.Lock()
        self._open: set[Followed] = set()
        self._each: Counter[str] = Counter()
        self._sending: set[Followed] = set()
        self._draining = threading.Event()
        self._asker = threading.Thread(target=self._run, name="followers", daemon=True)
        self._gauge = metrics.GRPC_STREAMS.labels(service)

    def start(self) -> None:
        """Ask for news from now on."""
        self._asker.start()

    def check(self, subject: str) -> None:
        """Raise Draining if no more streams are opened here, and Exhausted if a caller, or all,
        have too many.
        """
        with self._lock:
            self._check(subject)

    def add(self, stream: Followed) -> None:
        """Send a stream its news from now on. Raises as `check` does."""
        with self._lock:
            self._check(stream.subject)
            self._open.add(stream)
            self._each[stream.subject] += 1
            self._gauge.inc()
        stream.call.when_over(lambda: self._end(stream))
        self._hand_out([stream])

    def drain(self) -> None:
        """End all streams, each after its current message, and open no more."""
        self._draining.set()

    def _check(self, subject: str) -> None:
        if self._draining.is_set():
            raise Draining(STOPS)
        if len(self._open) >= self._most:
            raise Exhausted(f"{self._most} streams are open here", "streams")
        if self._each[subject] >= self._most_each:
            raise Exhausted(f"you have {self._most_each} streams open here", "caller")

    def _run(self) -> None:
        while not self._draining.wait(PAUSE):
            streams = self._waiting()
            self._hand_out(_with_news([each for each in streams if each.error is None]))
        while self._waiting(Draining(STOPS)):
            time.sleep(SHORT_PAUSE)

    def _waiting(self, ending: Exception | None = None) -> list[Followed]:
        """End the streams that are to end, all if there is a reason; return those that are open."""
        with self._lock:
            streams, sending = list(self._open), set(self._sending)
        for each in streams:
            each.error = each.error or ending
            each.end_if_expired()
            each.cut_if_slow()
            if each.error is not None and each not in sending:
                self._end(each)
        return streams

    def _hand_out(self, streams: Iterable[Followed]) -> None:
        """Give streams to senders. What finds none now is asked for again."""
        with self._lock:
            each_has = Counter(stream.subject for stream in self._sending)
            for stream in streams:
                ready = stream in self._open and stream not in self._sending
                if ready and each_has[stream.subject] < SENDERS_EACH:
                    each_has[stream.subject] += 1
                    self._sending.add(stream)
                    self.threads.submit(stream.context.copy().run, self._send, stream)

    def _send(self, stream: Followed) -> None:
        try:
            stream.send()
        except Exception as error:
            stream.error = stream.error or error
        with self._lock:
            self._sending.discard(stream)
        if stream.error is not None:
            self._end(stream)

    def _end(self, stream: Followed) -> None:
        """End a stream, once."""
        with self._lock:
            if stream not in self._open:
                return
            self._open.discard(stream)
            self._each[stream.subject] -= 1
            if not self._each[stream.subject]:
                del self._each[stream.subject]
            self._gauge.dec()
        try:
            stream.context.copy().run(stream.call.close, stream.error)
        except Exception:  # one stream must not end the thread that serves all others
            log.exception("a stream can't be ended in good order")


def _with_news(streams: Iterable[Followed]) -> list[Followed]:
    """Return the streams whose feeds have news for them; of a feed that can't be asked, none."""
    by_feed: dict[Feed, list[Followed]] = {}
    for each in streams:
        by_feed.setdefault(each.feed, []).append(each)
    found = []
    for feed, following in by_feed.items():
        newest: dict[str, int] = {}
        keys = sorted({each.key for each in following})
        try:
            with deadline.within(LONGEST_OPERATION):
                for place in range(0, len(keys), KEYS):
                    newest.update(feed.newest(keys[place : place + KEYS]))
        except Exception as error:
            # The streams stay open: there may be news for them a second later.
            if is_away(error):
                log.warning(
                    "streams wait for the database", streams=len(following), why=repr(error)[:200]
                )
            else:
                log.exception("a feed can't be asked for news", streams=len(following))
        found += [each for each in following if newest.get(each.key, 0) > each.number]
    return found
