"""The cache behaves as memcached does, as far as Swift can tell; completed uploads are closed."""

from itertools import count
from typing import Any

import pytest

from campus.stack.swift_plugins import UPLOAD_ID, MemoryCache, closed_uploads, memory_cache


@pytest.fixture
def cache() -> MemoryCache:
    """A cache whose clock moves a second at every look."""
    ticks = count()
    return MemoryCache(lambda: next(ticks))


def test_a_value_comes_back_as_another_object(cache: MemoryCache) -> None:
    """A caller that changes its value does not change the stored one."""
    kept = {"status": 200}
    cache.set("key", kept)
    kept["status"] = 500
    assert cache.get("key") == {"status": 200}


def test_an_unknown_or_deleted_key_is_none(cache: MemoryCache) -> None:
    """There is no error for what isn't there."""
    cache.set("key", 1)
    cache.delete("key")
    cache.delete("key")
    assert cache.get("key", raise_on_error=True) is None


def test_a_value_expires(cache: MemoryCache) -> None:
    """After its time a value is gone; without a time it stays."""
    cache.set("short", 1, time=2)
    cache.set("long", 1)
    assert cache.get("short") == 1
    assert cache.get("short") is None
    assert [cache.get("long") for _ in range(5)] == [1] * 5


def test_a_counter_never_falls_below_zero(cache: MemoryCache) -> None:
    """Counters start at 0 and stop there, as memcached's do."""
    assert cache.incr("n", 3) == 3
    assert cache.decr("n") == 2
    assert cache.decr("n", 9) == 0


def test_several_values_keep_their_order(cache: MemoryCache) -> None:
    """`get_multi` answers in the order of the keys."""
    cache.set_multi({"a": 1, "b": b"two"}, "server", time=100)
    assert cache.get_multi(["b", "x", "a"], "server") == ["two", None, 1]


def test_the_filter_puts_one_cache_into_every_request() -> None:
    """All requests share the cache, by the name that Swift looks for."""
    seen: list[object] = []
    app = memory_cache({})(lambda environ, _: [seen.append(environ["swift.cache"]) or b""])  # type: ignore[func-returns-value]
    for _ in range(2):
        app({}, lambda *_: None)
    assert seen[0] is seen[1]


def test_no_answer_tells_the_upload_that_an_object_was_made_of() -> None:
    """The one header is left out; all else goes through."""
    answers: list[Any] = []

    def app(_: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("ETag", "x"), (UPLOAD_ID.title(), "upload")], None)
        return [b"body"]

    assert closed_uploads({})(app)({}, lambda *answer: answers.extend(answer)) == [b"body"]
    assert answers == ["200 OK", [("ETag", "x")], None]
