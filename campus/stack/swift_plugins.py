"""Small parts that Swift loads by name.

A cache in memory, a filter that closes completed uploads, and a log on standard error.
"""

import json
import logging
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

# By this s3api finds the upload that an object was made of (s3api.controllers.multi_upload).
UPLOAD_ID = "x-object-sysmeta-s3api-upload-id"


class MemoryCache:
    """Memcached within the process: what Swift asks of `swift.cache`, kept in a dictionary.

    Values go through JSON as they do on their way to memcached, so nobody shares a mutable value.
    An entry past its time is forgotten when it is asked for; the entries are a few per bucket.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: dict[str, tuple[float, str]] = {}

    def set(self, key: str, value: Any, *_: Any, time: float = 0, **__: Any) -> None:
        """Keep a value for `time` seconds (0: for good)."""
        expiry = self._clock() + time if time else float("inf")
        self._entries[key] = (expiry, json.dumps(_text(value)))

    def get(self, key: str, **_: Any) -> Any:
        """The value, or None."""
        expiry, value = self._entries.get(key, (0.0, "null"))
        if expiry > self._clock():
            return json.loads(value)
        self._entries.pop(key, None)
        return None

    def delete(self, key: str, *_: Any, **__: Any) -> None:
        """Forget a value."""
        self._entries.pop(key, None)

    def incr(self, key: str, delta: int = 1, time: float = 0) -> int:
        """Add to a counter, which never falls below 0, and return it."""
        total = max(0, int(self.get(key) or 0) + delta)
        self.set(key, total, time=time)
        return total

    def decr(self, key: str, delta: int = 1, time: float = 0) -> int:
        """Take from a counter and return it."""
        return self.incr(key, -delta, time)

    def set_multi(self, mapping: dict[str, Any], *_: Any, time: float = 0, **__: Any) -> None:
        """Keep several values for `time` seconds."""
        for key, value in mapping.items():
            self.set(key, value, time=time)

    def get_multi(self, keys: Iterable[str], *_: Any) -> list[Any]:
        """Several values in the order of their keys, None for those not there."""
        return [self.get(key) for key in keys]


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def memory_cache(_: dict[str, str], **__: str) -> Callable[[Application], Application]:
    """The paste factory of the filter `cache`."""
    cache = MemoryCache()

    def wrap(app: Application) -> Application:
        def filtered(
            environ: dict[str, Any], start_response: Callable[..., Any]
        ) -> Iterable[bytes]:
            environ["swift.cache"] = cache
            return app(environ, start_response)

        return filtered

    return wrap


def closed_uploads(_: dict[str, str], **__: str) -> Callable[[Application], Application]:
    """The paste factory of the filter `closed_uploads`, right of s3api: hides what an object was
    made of.

    Swift's s3api takes parts of a completed upload, too, and they replace the object's own. Without
    the upload's id in the object it answers 404 NoSuchUpload, as Amazon S3 does.
    """

    def wrap(app: Application) -> Application:
        def filtered(
            environ: dict[str, Any], start_response: Callable[..., Any]
        ) -> Iterable[bytes]:
            def start(status: str, headers: Iterable[tuple[str, str]], *more: Any) -> Any:
                told = [each for each in headers if each[0].lower() != UPLOAD_ID]
                return start_response(status, told, *more)

            return app(environ, start)

        return filtered

    return wrap


def log_to_stderr(*arguments: Any) -> None:
    """Swift's hook `log_custom_handlers`: log to stderr alone, never to the system's syslog."""
    logger: logging.Logger = arguments[5]
    handler = logging.StreamHandler(sys.__stderr__)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger.handlers[:] = [handler]
