"""Plug-ins that Swift loads by name.

A cache in memory, a filter that closes completed uploads, and a log handler for standard error.
"""

import json
import logging
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

# By this header s3api finds the upload of an object (s3api.controllers.multi_upload).
UPLOAD_ID = "x-object-sysmeta-s3api-upload-id"


class MemoryCache:
    """Replaces memcached: stores the entries of `swift.cache` in a dictionary of this process.

    Values are stored as JSON, as in memcached, so callers never share a mutable value. `get`
    removes an expired entry; there are only a few entries for each bucket.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: dict[str, tuple[float, str]] = {}

    def set(self, key: str, value: Any, *_: Any, time: float = 0, **__: Any) -> None:
        """Store a value for `time` seconds (0: for ever)."""
        expiry = self._clock() + time if time else float("inf")
        self._entries[key] = (expiry, json.dumps(_text(value)))

    def get(self, key: str, **_: Any) -> Any:
        """Return the value of a key; None if it is missing or expired."""
        expiry, value = self._entries.get(key, (0.0, "null"))
        if expiry > self._clock():
            return json.loads(value)
        self._entries.pop(key, None)
        return None

    def delete(self, key: str, *_: Any, **__: Any) -> None:
        """Delete a value."""
        self._entries.pop(key, None)

    def incr(self, key: str, delta: int = 1, time: float = 0) -> int:
        """Add to a counter, which never falls below 0, and return it."""
        total = max(0, int(self.get(key) or 0) + delta)
        self.set(key, total, time=time)
        return total

    def decr(self, key: str, delta: int = 1, time: float = 0) -> int:
        """Subtract from a counter, which never falls below 0, and return it."""
        return self.incr(key, -delta, time)

    def set_multi(self, mapping: dict[str, Any], *_: Any, time: float = 0, **__: Any) -> None:
        """Store several values for `time` seconds."""
        for key, value in mapping.items():
            self.set(key, value, time=time)

    def get_multi(self, keys: Iterable[str], *_: Any) -> list[Any]:
        """Return several values in the order of their keys; None for a missing one."""
        return [self.get(key) for key in keys]


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def memory_cache(_: dict[str, str], **__: str) -> Callable[[Application], Application]:
    """Return the filter `cache`, which adds the cache to each request (a paste factory)."""
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
    """Return the filter `closed_uploads`, which closes completed uploads (a paste factory).

    Swift's s3api also accepts parts of a completed upload, and they replace the parts of the
    object. The filter hides the upload's id of an object from s3api, which comes before it in the
    pipeline. So s3api answers 404 NoSuchUpload, as Amazon S3 does.
    """

    def wrap(app: Application) -> Application:
        def filtered(
            environ: dict[str, Any], start_response: Callable[..., Any]
        ) -> Iterable[bytes]:
            def start(status: str, headers: Iterable[tuple[str, str]], *more: Any) -> Any:
                shown = [each for each in headers if each[0].lower() != UPLOAD_ID]
                return start_response(status, shown, *more)

            return app(environ, start)

        return filtered

    return wrap


def log_to_stderr(*arguments: Any) -> None:
    """Make Swift log to stderr only, not to syslog (its hook `log_custom_handlers`)."""
    logger: logging.Logger = arguments[5]
    handler = logging.StreamHandler(sys.__stderr__)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger.handlers[:] = [handler]
