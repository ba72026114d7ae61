"""Rules of podcast feeds: tokens, places, episodes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.library.domain.entitlements import Reader
from services.library.domain.enums import ItemKind, ItemState
from services.library.domain.feeds import (
    FeedUrls,
    has_place,
    language_of,
    published_at,
    sound_of,
)
from services.library.domain.items import Item, Metadata, Rendition

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
URLS = FeedUrls("https://api.example.edu", "k" * 32)
TEXTS = st.text(max_size=60)


def file(name: str, media_type: str) -> Rendition:
    """A file of an item."""
    return Rendition(name=name, media_type=media_type, size=9, sha256="ab" * 32)


FILM, SPEECH = file("original", "video/mp4"), file("original", "audio/flac")
MADE = file("audio", "audio/mpeg")
ITEM = Item(
    id="i1",
    kind=ItemKind.RECORDING,
    metadata=Metadata(title="Motion"),
    state=ItemState.AVAILABLE,
    created_at=NOW - 3 * HOUR,
    available_at=NOW - 2 * HOUR,
    promised=FILM,
)


def token_of(urls: FeedUrls, feed_id: str) -> str:
    """The token of a feed."""
    return urls.of_feed(feed_id).removeprefix(f"{urls.base}/podcast/")


@given(TEXTS)
def test_a_token_opens_its_feed(feed_id: str) -> None:
    """Of any id, and by no other key; its code has 256 bits."""
    token = token_of(URLS, feed_id)
    assert URLS.feed_id(token) == feed_id
    assert len(token) == len(feed_id) + 1 + 43
    assert replace(URLS, key="j" * 32).feed_id(token) is None


@given(TEXTS | st.text(st.characters(), max_size=60))
def test_nobody_guesses_a_token(token: str) -> None:
    """Any text that was not made with the key opens nothing, and raises no error."""
    assert URLS.feed_id(token) is None


@given(st.integers(0, 100), st.characters())
def test_a_changed_token_opens_nothing(place: int, other: str) -> None:
    """One character more, less, or another one."""
    token = token_of(URLS, "01890a5d-ac96-774b-bcce-b302099a8057")
    place %= len(token)
    for changed in (
        token[:place] + other + token[place + 1 :],
        token[:place] + other + token[place:],
        token[:place] + token[place + 1 :],
    ):
        assert (URLS.feed_id(changed) is None) is (changed != token)


def test_an_episode_is_below_its_feed() -> None:
    """A slash at the end of the base changes nothing."""
    feed = URLS.of_feed("f1")
    assert feed.startswith("https://api.example.edu/podcast/f1.")
    assert URLS.of_episode("f1", "i1") == f"{feed}/i1"
    assert replace(URLS, base=f"{URLS.base}/").of_feed("f1") == feed


def test_only_a_place_in_the_run_counts() -> None:
    """A learner's or staff's, in this run."""
    assert has_place(Reader(id="ada", learns_in=("r1",)), "r1")
    assert has_place(Reader(id="ada", staff_of=("r1",)), "r1")
    assert not has_place(Reader(id="ada", learns_in=("r2",), staff_of=("r3",)), "r1")


@pytest.mark.parametrize(
    ("files", "sound"),
    [
        ((FILM, MADE), MADE),
        ((SPEECH, MADE), MADE),
        ((SPEECH,), SPEECH),
        ((FILM,), None),
        ((FILM, file("other", "audio/ogg")), None),
        ((), None),
    ],
)
def test_the_sound_that_was_made_is_best(
    files: tuple[Rendition, ...], sound: Rendition | None
) -> None:
    """All clients play MP3; an original only if it is sound."""
    assert sound_of(replace(ITEM, renditions=files)) == sound


@pytest.mark.parametrize(
    ("not_before", "published"),
    [
        (None, NOW - 2 * HOUR),
        (NOW - HOUR, NOW - HOUR),
        (NOW - 3 * HOUR, NOW - 2 * HOUR),
        (NOW, NOW),
        (NOW + HOUR, NOW - 2 * HOUR),
    ],
)
def test_an_embargo_that_ended_publishes(not_before: datetime | None, published: datetime) -> None:
    """Clients show as new what learners could not hear before; staff see no time to come."""
    assert published_at(replace(ITEM, not_before=not_before), NOW) == published


def test_the_newest_language_counts() -> None:
    """Items without one say nothing."""
    german = replace(ITEM, metadata=Metadata(title="Bewegung", language="de"))
    english = replace(ITEM, metadata=Metadata(title="Motion", language="en"))
    assert language_of([ITEM, german, english]) == "de"
    assert language_of([ITEM]) == language_of([]) == ""
