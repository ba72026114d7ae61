"""The page of an offline pack in a real browser: without a network, and when it is back."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from google.protobuf import json_format
from playwright.sync_api import BrowserContext, Page, sync_playwright
from tandem.progress.v1 import progress_pb2

from chassis.edge.methods import Servicer
from chassis.edge.server import Server
from chassis.testing import Issuer, running, settings_for
from services.progress import rights
from services.progress.api import ProgressApi
from services.progress.store import ProgressStore
from tests.conftest import FakeClock, MakeDatabase
from tests.contract.tools import need
from tests.deep import only_deep
from tests.integration.library.shelves import PDF, Shelves, enrolled, path
from tests.integration.library.test_offline_packs import LEARNER, build, get, loaded
from tests.integration.progress import classroom
from tests.integration.progress.classroom import Classroom
from tests.unit.library import examples

SECONDS = 2
PATIENCE = 120_000  # milliseconds that a busy machine may take for a step
# The page listens, too, and was first.
PLAY = """player => new Promise((done) => {
  player.addEventListener("ended", () => done());
  player.play();
})"""
# As root, Chromium's sandbox does not start; and players play without a click.
FLAGS = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]


class Study:
    """A pack that is unpacked, and the service that its page sends to."""

    def __init__(self, school: Classroom, url: str, token: str, folder: Path, film: str) -> None:
        self.school, self.folder, self.film = school, folder, film
        self._given = {"token": token, "url": url, "learner": LEARNER}

    @property
    def page(self) -> str:
        """The URL of the page, as a learner opens it."""
        return (self.folder / "index.html").as_uri()

    @property
    def from_app(self) -> str:
        """The URL by which a learner's app opens the page."""
        return f"{self.page}#{urlencode(self._given)}"

    @property
    def state(self) -> str:
        """How far the learner is with the film, as progress knows it."""
        self.school.settle()
        return self.school.states(LEARNER)["film"]


@pytest.fixture
def context() -> Iterator[BrowserContext]:
    """A learner's browser that has no network."""
    program = f"/usr/bin/{need('chromium')}"
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=FLAGS, timeout=PATIENCE)
        made = browser.new_context(offline=True, accept_downloads=True)
        made.set_default_timeout(PATIENCE)
        yield made
        browser.close()


@pytest.fixture
def study(
    shelves: Shelves, make_database: MakeDatabase, clock: FakeClock, tmp_path: Path
) -> Iterator[Study]:
    """The pack of a film and a document, and progress, which knows both."""
    clock.at = datetime.now(UTC) + timedelta(hours=1)  # the browser's clock is the system's
    lecture = examples.lecture(SECONDS, width=128, height=96)
    film = shelves.available(
        lecture, kind="ITEM_KIND_RECORDING", media_type="video/mp4", seconds=SECONDS
    )
    document = shelves.available()
    shelves.hear(enrolled(LEARNER), path(film, document))
    pack = build(shelves)
    assert shelves.pack() == 1
    loaded(shelves, get(shelves, pack.id)).extractall(tmp_path / "pack")
    database, issuer = make_database(ProgressStore), Issuer()
    servicer = Servicer(
        ProgressApi(database),
        progress_pb2.DESCRIPTOR.services_by_name["ProgressService"],
        partial(rights.relation, database),
    )
    chosen = settings_for(issuer.write_jwks(tmp_path / "jwks"), http_origins="null")
    server = Server(chosen, "tests", database, [servicer])
    server.start()
    with running([servicer], database) as channel_for:
        school = Classroom(database, clock, channel_for)
        school.open(classroom.item("film", film), learners=[LEARNER])
        school.hear("attendance", classroom.available(film, SECONDS))
        token = issuer.token(LEARNER, ["learner"])
        yield Study(school, f"http://127.0.0.1:{server.http_port}", token, tmp_path / "pack", film)
    server.drain(chosen.drain)


def watch(page: Page) -> None:
    """Play the film to its end, which the page has been told of by then."""
    page.locator("video").evaluate(PLAY)


def kept(page: Page) -> list[dict[str, Any]]:
    """What the page keeps in the browser, for each learner."""
    values = page.evaluate("Object.values(localStorage)")
    return [json.loads(each) for each in values]


def told(page: Page, text: str) -> None:
    """Wait until the page tells something."""
    page.wait_for_function("text => document.getElementById('told').textContent === text", arg=text)


@only_deep
def test_a_pack_is_studied_without_a_network(context: BrowserContext, study: Study) -> None:
    """Items are listed and open, the film plays, what was watched stays over a reload, and a file
    with it is what progress takes.
    """
    page = context.new_page()
    page.goto(study.page)
    assert page.locator("h2").all_text_contents() == ["Motion", "Motion"]
    document = page.locator("ol a")
    with page.expect_download() as download:
        document.click(modifiers=["Alt"])
    assert download.value.path().read_bytes() == PDF
    document.click()
    page.wait_for_url("**/0002-Motion.pdf")
    page.go_back()
    watch(page)
    (before,) = kept(page)
    page.reload()
    assert kept(page) == [before]
    page.locator("#send").click()
    told(page, "Open this page from your app to send, or save it as a file.")
    with page.expect_download() as download:
        page.locator("#save").click()
    request = json_format.Parse(
        download.value.path().read_bytes(), progress_pb2.RecordStatementsRequest()
    )
    assert [each.learner_id for each in request.statements] == [""]
    for each in request.statements:
        each.learner_id = LEARNER
    results = study.school.service.RecordStatements(request).results
    assert not any(each.violations for each in results)
    assert study.state == "COMPLETED"


@only_deep
def test_what_was_watched_is_sent_when_the_network_is_back(
    context: BrowserContext, study: Study
) -> None:
    """Also what was watched before the learner's app opened the page; the token is in no address,
    and nothing is kept any more.
    """
    page = context.new_page()
    page.goto(study.page)
    watch(page)
    page.close()
    page = context.new_page()
    page.goto(study.from_app)
    assert page.url == study.page
    page.locator("#send").click()
    page.wait_for_function("document.getElementById('told').textContent.startsWith('Not sent yet')")
    assert study.state != "COMPLETED"
    context.set_offline(False)
    told(page, "All is sent.")
    assert study.state == "COMPLETED"
    assert kept(page) == [{"fresh": {}, "sealed": []}]
