"""HLS, as a stock player sees it: FFmpeg plays a film by its master playlist, over HTTP."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import av
import pytest
from tandem.library.v1 import library_pb2

from chassis.edge.server import Server
from chassis.testing import Issuer, figure, settings_for
from services.library.hls import Playlists
from tests.deep import only_deep
from tests.integration.library.shelves import Shelves, enrolled, path, refused
from tests.integration.library.test_processing import FILM, LECTURE

LEARNER = "ada"


@pytest.fixture
def stage(shelves: Shelves, tmp_path: Path) -> Iterator[Shelves]:
    """A library whose playlists are served by HTTP."""
    chosen = settings_for(Issuer().write_jwks(tmp_path / "jwks"))
    hour = timedelta(hours=1)
    playlists = Playlists(
        shelves.database, shelves.files, "http://unknown", "secret", hour, shelves.clock.now
    )
    server = Server(chosen, "tests", shelves.database, [], [playlists.page()])
    server.start()
    playlists.url = f"http://127.0.0.1:{server.http_port}"
    shelves.api.playlists = playlists
    yield shelves
    server.drain(chosen.drain)


def film(stage: Shelves) -> str:
    """A film with its qualities, which the learner may read."""
    item_id = stage.available(LECTURE, **FILM)
    assert stage.process() == 1
    stage.hear(enrolled(LEARNER), path(item_id))
    return item_id


def playlist(stage: Shelves, item_id: str, reader: str = LEARNER) -> str:
    """The URL of an item's master playlist."""
    request = library_pb2.GetPlaylistUrlRequest(item_id=item_id, reader_id=reader)
    return stage.learner(reader).GetPlaylistUrl(request).url


def loaded(stage: Shelves, url: str) -> tuple[int, str]:
    """Status and text of a page."""
    answer = stage.http.request("GET", url)
    return answer.status, answer.data.decode()


@only_deep
def test_a_stock_player_plays_all_of_a_film(stage: Shelves) -> None:
    """From the master playlist it finds both qualities, and their segments by their signed URLs."""
    url = playlist(stage, film(stage))
    with av.open(url, "r") as container:
        assert sorted(stream.height for stream in container.streams.video) == [240, 260]
        stream = max(container.streams.video, key=lambda each: each.height)
        times = [frame.time or 0.0 for frame in container.decode(stream)]
    assert len(times) == 70
    assert max(times) - min(times) == pytest.approx(6.9, abs=0.01)


def test_playlists_are_not_cached_and_say_what_they_are(stage: Shelves) -> None:
    """Their media type is that of RFC 8216; segments are signed for twice the playing time. A
    quality that is loaded counts as read.
    """
    item_id, before = film(stage), figure("tandem_library_reads_total", rendition="240p")
    stage.database.mongo["items"].update_one({"_id": item_id}, {"$set": {"seconds": 7200.0}})
    url = playlist(stage, item_id)
    answer = stage.http.request("GET", url)
    assert answer.headers["content-type"].startswith("application/vnd.apple.mpegurl")
    assert answer.headers["cache-control"] == "private, no-store"
    _, text = loaded(stage, url.replace("master", "240p"))
    signed = next(line for line in text.splitlines() if line.startswith("http"))
    assert figure("tandem_library_reads_total", rendition="240p") == before + 1
    lifetime = int(parse_qs(urlsplit(signed).query)["X-Amz-Expires"][0])
    assert lifetime == 2 * 2 * 7200


def test_who_may_not_read_any_more_loads_nothing(stage: Shelves) -> None:
    """An address ends with the reader's rights, with its time, and with any change to it."""
    item_id = film(stage)
    url = playlist(stage, item_id)
    assert loaded(stage, url)[0] == 200
    assert loaded(stage, url.replace("master", "1080p"))[0] == 404
    assert loaded(stage, url.replace("/hls/", "/hls/x"))[0] == 404
    assert loaded(stage, url.replace("master", "%2e%2e"))[0] == 404
    stage.clock.forward(hours=2)
    assert loaded(stage, url)[0] == 404
    url = playlist(stage, item_id)
    stage.hear(path("another"))
    assert loaded(stage, url)[0] == 404


def test_a_film_without_qualities_has_no_playlist_yet(stage: Shelves) -> None:
    """The refusal tells where to look; nobody else gets an address."""
    item_id = stage.available(LECTURE, **FILM)
    stage.hear(enrolled(LEARNER), path(item_id))
    code, why = refused(lambda: playlist(stage, item_id))
    assert (code.name, "GetProcessing" in why) == ("FAILED_PRECONDITION", True)
    code, _ = refused(lambda: playlist(stage, item_id, "bob"))
    assert code.name == "PERMISSION_DENIED"


def test_without_a_public_address_there_are_no_playlists(shelves: Shelves) -> None:
    """The refusal names the setting."""
    item_id = shelves.available()
    request = library_pb2.GetPlaylistUrlRequest(item_id=item_id)
    code, why = refused(lambda: shelves.staff.GetPlaylistUrl(request))
    assert (code.name, "TANDEM_PAGES_URL" in why) == ("FAILED_PRECONDITION", True)
