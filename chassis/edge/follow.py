"""Streams that follow a feed: what a service answers for a stream that costs no thread."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from google.protobuf.message import Message

F = TypeVar("F", bound=Callable[..., Any])


class Feed(Protocol):
    """Messages by key, numbered in the order of their commit."""

    def newest(self, keys: Collection[str]) -> Mapping[str, int]:
        """Return the number of the newest message of each of these keys that has one."""

    def after(self, key: str, number: int, most: int) -> Sequence[tuple[int, Message]]:
        """Return up to `most` messages of a key after a number, each with its own, in order."""


@dataclass(frozen=True, slots=True)
class Following:
    """The answer of a method whose stream follows a feed."""

    feed: Feed
    """The same object for all streams of a replica: it is asked for all of them at once."""
    key: str
    number: int
    """Of the last message that the caller has; 0: none."""


def follows(method: F) -> F:
    """Mark a method with one request and a stream of answers: it returns a Following."""
    method.follows = True  # type: ignore[attr-defined]
    return method
