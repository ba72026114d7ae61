"""HLS playlists, and the tokens of their addresses."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.library.domain.items import Rendition
from services.library.domain.streaming import (
    Pass,
    master,
    pass_of,
    qualities,
    signed_playlist,
    token_of,
)

NOW = datetime(2026, 10, 5, tzinfo=UTC)
ENDS = int(NOW.timestamp())
LISTED = """#EXTM3U
#EXT-X-VERSION:7
#EXT-X-MAP:URI="film.m4s",BYTERANGE="828@0"
#EXTINF:6.000000,
#EXT-X-BYTERANGE:7615@828
film.m4s
#EXT-X-ENDLIST
"""


def quality(name: str, height: int) -> Rendition:
    """A quality of a film."""
    return Rendition(
        name=name,
        media_type="video/mp4",
        size=1,
        sha256="",
        width=2 * height,
        height=height,
        bits_per_second=1000 * height,
        codecs="avc1.4d401e,mp4a.40.2",
    )


def test_a_master_playlist_has_the_qualities_from_the_lowest() -> None:
    """With what a player chooses by."""
    original = Rendition(name="original", media_type="video/mp4", size=1, sha256="")
    files = [original, quality("480p", 480), quality("240p", 240)]
    assert [file.name for file in qualities(files)] == ["240p", "480p"]
    lines = master(files).splitlines()
    assert lines[0] == "#EXTM3U"
    assert lines[-4:] == [
        '#EXT-X-STREAM-INF:BANDWIDTH=240000,RESOLUTION=480x240,CODECS="avc1.4d401e,mp4a.40.2"',
        "240p.m3u8",
        '#EXT-X-STREAM-INF:BANDWIDTH=480000,RESOLUTION=960x480,CODECS="avc1.4d401e,mp4a.40.2"',
        "480p.m3u8",
    ]


def test_each_segment_gets_the_signed_url() -> None:
    """And the map; nothing else changes, whatever the URL contains."""
    url = r"https://files.example.edu/a?b=\1&c=%2F"
    assert signed_playlist(LISTED, url) == LISTED.replace("film.m4s", url)


@given(item=st.text(max_size=20), reader=st.text(max_size=20), key=st.binary(min_size=1))
def test_a_token_is_for_one_item_and_one_reader_until_its_end(
    item: str, reader: str, key: bytes
) -> None:
    """With the key that signed it only."""
    given = Pass(item_id=item, reader_id=reader, ends=ENDS)
    token = token_of(given, key)
    assert pass_of(token, key, NOW) == given
    assert pass_of(token, key, NOW + timedelta(seconds=1)) is None
    assert pass_of(token, b"another" + key, NOW) is None


@given(place=st.integers(0, 300), letter=st.sampled_from("AZaz09-_."), text=st.text())
def test_a_token_that_was_changed_is_none(place: int, letter: str, text: str) -> None:
    """In any letter, or altogether."""
    token = token_of(Pass(item_id="i", reader_id="ada", ends=ENDS), b"key")
    place %= len(token)
    changed = token[:place] + letter + token[place + 1 :]
    assert changed == token or pass_of(changed, b"key", NOW) is None or place == len(token) - 1
    assert pass_of(text, b"key", NOW) is None
