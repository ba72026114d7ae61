"""Podcasts, as stock clients get them: over HTTP, without a token of the university."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree.ElementTree import fromstring

import feedparser
import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.library.v1 import library_pb2, resources_pb2
from tandem.types.v1 import types_pb2

from chassis.edge.server import Server
from chassis.testing import Issuer, settings_for
from services.library import metrics
from services.library.domain import feeds as domain
from services.library.domain.feeds import LONGEST_DESCRIPTION, MOST_EPISODES, FeedUrls
from services.library.podcast import Podcasts
from tests.deep import only_deep
from tests.integration.library.shelves import PDF, RUN, Shelves, enrolled, path, race, refused
from tests.unit.library import examples

KEY = "a key of thirty-two characters.."
FILM = {"kind": types_pb2.ITEM_KIND_RECORDING, "media_type": "video/mp4", "seconds": 2.0}
CODE = grpc.StatusCode


@dataclass
class Radio:
    """A library with podcasts."""

    shelves: Shelves
    urls: FeedUrls

    def create(
        self, reader: str, run_id: str = RUN, request_id: str = "", of: str = ""
    ) -> resources_pb2.Feed:
        """A feed that a learner makes for themselves, or for `of`."""
        request = library_pb2.CreateFeedRequest(
            request_id=request_id, run_id=run_id, reader_id=of or reader
        )
        return self.shelves.learner(reader).CreateFeed(request)

    def revoke(self, reader: str, feed_id: str) -> resources_pb2.Feed:
        """Close a feed."""
        request = library_pb2.RevokeFeedRequest(feed_id=feed_id)
        return self.shelves.learner(reader).RevokeFeed(request)

    def get(self, url: str) -> Any:
        """What a client gets that follows no redirect."""
        return self.shelves.http.request("GET", url, redirect=False)

    def feed(self, url: str) -> Any:
        """A feed as a stock client reads it."""
        answer = self.get(url)
        assert answer.status == 200
        assert answer.headers["content-type"] == "application/rss+xml"
        assert answer.headers["cache-control"] == "private, no-store"
        found = feedparser.parse(answer.data)
        assert not found.bozo
        return found

    def heard(self, url: str) -> list[str]:
        """The items in a feed."""
        return [each.id for each in self.feed(url).entries]


@pytest.fixture
def radio(shelves: Shelves, tmp_path: Path) -> Iterator[Radio]:
    """Podcasts behind the real edge; the URLs name the server that answers them."""
    chosen = settings_for(Issuer().write_jwks(tmp_path / "jwks"))
    podcasts = Podcasts(shelves.database, shelves.files, FeedUrls("http://none", KEY))
    server = Server(chosen, "tests", shelves.database, [], podcasts.pages())
    server.start()
    urls = FeedUrls(f"http://127.0.0.1:{server.http_port}", KEY)
    shelves.api._feed_urls = podcasts._urls = urls
    yield Radio(shelves, urls)
    server.drain(chosen.drain)


def stored(shelves: Shelves, item_id: str, **changes: Any) -> None:
    """An item with sound whose file nobody reads; `changes` replaces fields of its document."""
    shelves.database.mongo["items"].insert_one(
        {
            "_id": item_id,
            "kind": "RECORDING",
            "state": "AVAILABLE",
            "metadata": {"title": item_id},
            "created_at": shelves.clock.at,
            "available_at": shelves.clock.at,
            "run_ids": [RUN],
            "promised": sound("original", "video/mp4"),
            "renditions": [sound("original", "video/mp4"), sound("audio", "audio/mpeg")],
            **changes,
        }
    )


def sound(name: str, media_type: str) -> dict[str, Any]:
    """A file in an item's document."""
    return {"name": name, "media_type": media_type, "size": 9, "sha256": "ab" * 32}


@only_deep
def test_a_client_hears_a_lecture(radio: Radio) -> None:
    """The sound of a film is listed with its size and time, and its URL gives the bytes."""
    shelves = radio.shelves
    shelves.hear(enrolled("ada"))
    metadata = resources_pb2.Metadata(title="Motion", description="At rest", language="en-GB")
    item_id = shelves.available(
        examples.lecture(seconds=2), **FILM, metadata=metadata, run_ids=[RUN]
    )
    url = radio.create("ada").url
    assert radio.heard(url) == []
    assert shelves.process() == 1
    found = radio.feed(url)
    assert found.version == "rss20"
    assert (found.feed.title, found.feed.language) == (f"Run {RUN}", "en-GB")
    assert found.feed.itunes_block == 1
    (episode,) = found.entries
    assert (episode.id, episode.title, episode.description) == (item_id, "Motion", "At rest")
    assert episode.guidislink is False
    assert episode.published == f"{shelves.clock.at:%a, %d %b %Y %H:%M:%S GMT}"
    assert episode.itunes_duration == "2"
    (audio,) = (each for each in shelves.item(item_id).renditions if each.name == "audio")
    (enclosure,) = episode.enclosures
    assert (enclosure.type, int(enclosure.length)) == ("audio/mpeg", audio.size)
    before = metrics.READS.labels("audio")._value.get()
    answer = radio.get(enclosure.href)
    assert (answer.status, answer.headers["cache-control"]) == (302, "private, no-store")
    content = shelves.http.request("GET", answer.headers["location"])
    assert (content.status, content.headers["content-type"]) == (200, "audio/mpeg")
    assert len(content.data) == audio.size
    assert metrics.READS.labels("audio")._value.get() == before + 1


def test_a_feed_has_what_its_reader_may_hear_of_the_run(radio: Radio) -> None:
    """Items of the run, of its path and sessions, and their later versions; nothing that is not
    AVAILABLE, has no sound, or is of another run.
    """
    shelves = radio.shelves
    shelves.hear(enrolled("ada"), enrolled("ada", "run-2"), path("i1", "i2"))
    stored(shelves, "i1", run_ids=[])
    stored(shelves, "i3", run_ids=[], predecessors=["i2"])
    stored(shelves, "i4")
    speech = sound("original", "audio/flac")
    stored(shelves, "i5", promised=speech, renditions=[speech])
    stored(shelves, "i6", run_ids=["run-2"])
    stored(shelves, "i7", run_ids=[], access="ALL")
    stored(shelves, "i8", renditions=[sound("original", "video/mp4")])
    stored(shelves, "i9", state="RETIRED")
    url = radio.create("ada").url
    assert radio.heard(url) == ["i5", "i4", "i3", "i1"]
    assert radio.heard(radio.create("ada", "run-2").url) == ["i6"]
    for item_id in ("i6", "i7", "i8", "i9", "none"):
        assert radio.get(f"{url}/{item_id}").status == 404


def test_rights_that_end_empty_the_feed(radio: Radio) -> None:
    """When its reader withdraws, a feed has no episode, and a URL that it told gives nothing."""
    shelves = radio.shelves
    shelves.hear(enrolled("ada"))
    stored(shelves, "i1", access="ALL")
    url = radio.create("ada").url
    assert radio.heard(url) == ["i1"]
    assert radio.get(f"{url}/i1").status == 302
    shelves.hear(catalog.EnrolmentWithdrawn(enrolment_id="e", run_id=RUN, learner_id="ada"))
    assert radio.heard(url) == []
    assert radio.get(f"{url}/i1").status == 404
    shelves.hear(enrolled("ada"))
    assert radio.heard(url) == ["i1"]


def test_an_embargo_counts(radio: Radio) -> None:
    """Learners hear an item from its end on, as a new episode; staff and its uploader at once."""
    shelves = radio.shelves
    shelves.hear(
        enrolled("ada"),
        enrolled("bell"),
        catalog.RunOpened(run_id=RUN, instructor_ids=["lise"]),
    )
    end = shelves.clock.at + timedelta(hours=1)
    stored(shelves, "i1", not_before=end, uploaded_by="bell")
    ada, bell, lise = (radio.create(person).url for person in ("ada", "bell", "lise"))
    assert (radio.heard(ada), radio.heard(bell), radio.heard(lise)) == ([], ["i1"], ["i1"])
    assert [radio.get(f"{url}/i1").status for url in (ada, bell, lise)] == [404, 302, 302]
    shelves.clock.forward(hours=1)
    assert radio.get(f"{ada}/i1").status == 302
    (episode,) = radio.feed(ada).entries
    assert episode.published == f"{end:%a, %d %b %Y %H:%M:%S GMT}"


def test_a_reader_has_a_limited_number_of_feeds(
    radio: Radio, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if many are asked for at once; a revoked one makes room, and others have their own."""
    monkeypatch.setattr(domain, "MOST_FEEDS", 3)
    radio.shelves.hear(enrolled("ada"), enrolled("bell"))

    def code(number: int) -> grpc.StatusCode:
        try:
            radio.create("ada", request_id=f"r{number}")
        except grpc.RpcError as error:
            status: Any = error
            assert "RevokeFeed" in status.details()
            return status.code()  # type: ignore[no-any-return]
        return CODE.OK

    codes = race(code, range(8))
    assert sorted(each.name for each in codes) == ["FAILED_PRECONDITION"] * 5 + ["OK"] * 3
    kept = next(number for number, each in enumerate(codes) if each is CODE.OK)
    repeated = radio.create("ada", request_id=f"r{kept}")
    radio.revoke("ada", repeated.id)
    assert [code(8), code(9)] == [CODE.OK, CODE.FAILED_PRECONDITION]
    assert radio.create("bell").url


def test_only_who_has_a_place_gets_a_feed(radio: Radio) -> None:
    """Nobody without one, nobody for another person, and a registrar only for who has one."""
    shelves = radio.shelves
    shelves.hear(enrolled("ada"), catalog.EnrolmentWaitlisted(
        enrolment_id="w", run_id=RUN, learner_id="bell"
    ))  # fmt: skip
    for reader, run_id, of in (
        ("eve", RUN, ""), ("ada", "run-2", ""), ("bell", RUN, ""), ("eve", RUN, "ada")
    ):  # fmt: skip
        denied = refused(lambda r=reader, run=run_id, o=of: radio.create(r, run, of=o))  # type: ignore[misc]
        assert denied[0] is CODE.PERMISSION_DENIED
    request = library_pb2.CreateFeedRequest(run_id=RUN, reader_id="ada")
    assert radio.heard(shelves.staff.CreateFeed(request).url) == []
    request.reader_id = "eve"
    assert refused(lambda: shelves.staff.CreateFeed(request))[0] is CODE.PERMISSION_DENIED


def test_a_revoked_feed_is_unknown(radio: Radio) -> None:
    """Its answer is that of a feed which never was; other feeds of the reader stay."""
    shelves = radio.shelves
    shelves.hear(enrolled("ada"), enrolled("eve"))
    stored(shelves, "i1")
    feed, other = radio.create("ada"), radio.create("ada")
    assert refused(lambda: radio.revoke("eve", feed.id))[0] is CODE.PERMISSION_DENIED
    assert refused(lambda: radio.revoke("eve", "none"))[0] is CODE.NOT_FOUND
    revoked = radio.revoke("ada", feed.id)
    assert revoked.revoked_at.ToDatetime() == shelves.clock.at.replace(tzinfo=None)
    assert revoked.url == ""
    shelves.clock.forward(hours=1)
    assert radio.revoke("ada", feed.id) == revoked
    never = radio.urls.of_feed("01890a5d-ac96-774b-bcce-b302099a8057")
    forged = feed.url[:-1] + ("A" if feed.url[-1] != "A" else "B")
    for rest in ("", "/i1"):
        answers = [radio.get(url + rest) for url in (feed.url, never, forged)]
        assert [each.status for each in answers] == [404, 404, 404]
        assert len({each.data for each in answers}) == 1
    assert radio.heard(other.url) == ["i1"]
    listed = shelves.learner("ada").ListFeeds(library_pb2.ListFeedsRequest(reader_id="ada"))
    other.url = ""
    assert list(listed.feeds) == [other, revoked]
    first = library_pb2.ListFeedsRequest(reader_id="ada", page_size=1)
    page = shelves.learner("ada").ListFeeds(first)
    first.page_token = page.next_page_token
    second = shelves.learner("ada").ListFeeds(first)
    assert [*page.feeds, *second.feeds] == [other, revoked]
    assert not second.next_page_token


def test_a_repeat_is_the_same_feed_and_no_url_is_stored(radio: Radio) -> None:
    """Who reads the whole database finds no text that opens the feed."""
    radio.shelves.hear(enrolled("ada"))
    feed = radio.create("ada", request_id="q1")
    assert radio.create("ada", request_id="q1") == feed
    assert radio.create("ada", request_id="q2").id != feed.id
    code = feed.url.rpartition(".")[2]
    mongo = radio.shelves.database.mongo
    everything = [str(row) for name in mongo.list_collection_names() for row in mongo[name].find()]
    assert any(feed.id in row for row in everything)
    assert not any(code in row for row in everything)


def test_any_text_is_told_as_it_is(radio: Radio) -> None:
    """Markup stays text, what XML does not have becomes U+FFFD, and a long text is cut."""
    shelves = radio.shelves
    shelves.hear(enrolled("ada"))
    title = "<b>&amp;</b> ]]> \x00\x0b\ufffe \U0001f600"
    stored(shelves, "i1", metadata={"title": title, "description": "\U0001f600" * 9000})
    body = radio.get(radio.create("ada").url).data
    (item,) = fromstring(body).iter("item")
    assert item.findtext("title") == "<b>&amp;</b> ]]> \ufffd\ufffd\ufffd \U0001f600"
    assert item.findtext("description") == "\U0001f600" * LONGEST_DESCRIPTION


def test_the_newest_hundred_are_told(radio: Radio) -> None:
    """An older episode that a client knows already is still given."""
    shelves = radio.shelves
    shelves.hear(enrolled("ada"))
    for number in range(MOST_EPISODES + 1):
        stored(shelves, f"i{number:03}")
    url = radio.create("ada").url
    assert radio.heard(url) == [f"i{number:03}" for number in range(MOST_EPISODES, 0, -1)]
    assert radio.get(f"{url}/i000").status == 302


def test_hostile_paths_are_unknown(radio: Radio) -> None:
    """Any bytes in the place of a token or an item are answered by a 4xx, and tell nothing."""
    shelves = radio.shelves
    shelves.hear(enrolled("ada"))
    stored(shelves, "i-secret")
    good = urlsplit(radio.create("ada").url)
    noise = st.lists(
        st.sampled_from(["%00", "%FF", "%2F", "..", ".", "/", "$ne", "[$ne]", "i-secret", "%ED%A0"])
        | st.text("abc%{}\"'", max_size=3),
        max_size=6,
    ).map("".join)

    @given(noise, st.booleans())
    @settings(max_examples=60, suppress_health_check=list(HealthCheck))
    def hostile(text: str, with_token: bool) -> None:
        target = f"{good.path}/{text}x" if with_token else f"/podcast/{text}x"
        with closing(HTTPConnection("127.0.0.1", good.port, timeout=60)) as connection:
            connection.putrequest("GET", target, skip_accept_encoding=True)
            connection.endheaders()
            answer = connection.getresponse()
            assert 400 <= answer.status < 500
            assert b"audio/mpeg" not in answer.read()

    hostile()


def test_a_feed_reads_few_documents(radio: Radio) -> None:
    """By five queries those of its run, found by indexes, however many other items there are."""
    shelves = radio.shelves
    shelves.hear(enrolled("ada"), path("i2"))
    stored(shelves, "i1")
    stored(shelves, "i2", run_ids=[])
    row = shelves.database.mongo["items"].find_one({"_id": "i1"})
    assert row is not None
    others = [{**row, "_id": f"o{number}", "run_ids": ["run-2"]} for number in range(500)]
    shelves.database.mongo["items"].insert_many(others)
    url = radio.create("ada").url
    admin = shelves.database.mongo.client[shelves.database.mongo.name]
    admin.command("profile", 2)
    try:
        assert radio.heard(url) == ["i2", "i1"]
    finally:
        admin.command("profile", 0)
    query = {"op": {"$in": ["query", "command"]}, "command.find": {"$exists": True}}
    reads = [each for each in admin["system.profile"].find(query) if "profile" not in each["ns"]]
    collections = ["enrolments", "feeds", "items", "shelves", "staff"]
    assert sorted(each["ns"].rpartition(".")[2] for each in reads) == collections
    assert sum(each.get("docsExamined", 0) for each in reads) < 10


def test_podcasts_are_off_by_default(shelves: Shelves) -> None:
    """Without their settings nobody gets a feed, and is told what is missing."""
    shelves.hear(enrolled("ada"))
    request = library_pb2.CreateFeedRequest(run_id=RUN, reader_id="ada")
    code, text = refused(lambda: shelves.learner("ada").CreateFeed(request))
    assert (code, "TANDEM_PAGES_URL" in text) == (CODE.FAILED_PRECONDITION, True)


def test_reads_are_counted(shelves: Shelves) -> None:
    """Each URL that GetReadUrl gives, by its rendition; none that it refuses."""
    item_id = shelves.available(PDF)
    reads = metrics.READS.labels("original")._value
    before = reads.get()
    shelves.read_url(item_id)
    assert not shelves.may_read("eve", item_id)
    assert reads.get() == before + 1
