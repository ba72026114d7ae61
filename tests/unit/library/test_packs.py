"""Offline packs: what is chosen, the ZIP, its page, and the page's script."""

import io
import json
import shutil
import subprocess
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from tandem.progress.v1 import progress_pb2

from services.library import offline_page, packing
from services.library.domain import packs
from services.library.domain.entitlements import PathEntry, RunReadingList, SessionItems
from services.library.domain.enums import ItemKind, ItemState
from services.library.domain.items import Item, Metadata, Rendition
from services.library.domain.packs import ENTRY, FRAME, Pack, choose
from services.library.domain.renditions import RUNGS, Wish, fitting

NOW = datetime(2026, 10, 5, tzinfo=UTC)
HEBREW = "\u05e9\u05dc\u05d5\u05dd"
HOSTILE = f'</script><img src=x onerror=alert(1)> ../../etc/"passwd" \u202egpj.{HEBREW}'


def item(item_id: str, sizes: dict[str, int], title: str = "Motion") -> Item:
    """An AVAILABLE item with files of these sizes."""
    files = tuple(
        Rendition(
            name=name, media_type="video/mp4", size=size, sha256=sha256(bytes(size)).hexdigest()
        )
        for name, size in sizes.items()
    )
    return Item(
        id=item_id,
        kind=ItemKind.VIDEO,
        metadata=Metadata(title=title),
        state=ItemState.AVAILABLE,
        created_at=NOW,
        promised=files[0],
        renditions=files,
    )


def pack_of(chosen: tuple[packs.PackedItem, ...], week: int = 0) -> Pack:
    """A pack of these items."""
    return packs.pack_of("run-1", week, chosen, (), NOW)


def zipped(pack: Pack) -> bytes:
    """The ZIP of a pack whose files have zeros only."""
    content = io.BytesIO()
    sizes = [str(each.size) for each in pack.items]
    size = packing.write_zip(
        content, pack, sizes, lambda key: iter([bytes(int(key))]), lambda: None
    )
    assert size == len(content.getvalue())
    return content.getvalue()


TITLES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=300) | st.sampled_from(
    ['"' * 300, "&" * 300, "\U00020000" * 300, HOSTILE]
)
SIZES = st.dictionaries(
    st.sampled_from(("original", "cover", "audio", *RUNGS)), st.integers(1, 20_000), min_size=1
)
ITEMS = st.lists(st.tuples(SIZES, TITLES), max_size=6).map(
    lambda rows: [item(f"item-{place}", *row) for place, row in enumerate(rows)]
)
BUDGETS = st.integers(0, 200_000)


@given(items=ITEMS, most=BUDGETS)
def test_a_zip_never_exceeds_its_budget(items: list[Item], most: int) -> None:
    """Whatever the titles are, with all of the ZIP's own bytes and its page."""
    chosen = choose(items, most)
    if chosen:
        assert len(zipped(pack_of(chosen))) <= most


@given(items=ITEMS, most=BUDGETS, more=BUDGETS)
def test_a_larger_budget_never_chooses_worse(items: list[Item], most: int, more: int) -> None:
    """The first item for which two budgets choose differently is there or better with the larger
    one: first by what is in the pack, and if that is the same, by the renditions.
    """

    def worth(budget: int) -> tuple[list[bool], list[int]]:
        names = {each.item_id: each.rendition for each in choose(items, budget)}
        best = [[file.name for file in fitting(each.renditions, 0, Wish())] for each in items]
        ranks = [
            -order.index(names[each.id])
            for each, order in zip(items, best, strict=True)
            if each.id in names
        ]
        return [each.id in names for each in items], ranks

    assert worth(most + more) >= worth(most)


@given(items=ITEMS)
def test_the_least_budget_is_the_first_that_packs_something(items: list[Item]) -> None:
    """It is what an error tells."""
    if least := packs.least(items):
        assert choose(items, least)
        assert not choose(items, least - 1)


def test_the_first_items_are_improved_first() -> None:
    """All in their smallest rendition, then the best that fits, and no cover."""
    sizes = {"original": 90_000, "cover": 1, "240p": 1_000, "720p": 50_000}
    items = [item("a", sizes), item("b", sizes), item("c", sizes)]
    budget = FRAME + sum(map(packs.overhead, items)) + 3_000
    chosen = [each.rendition for each in choose(items, budget + 89_000 + 49_000)]
    assert chosen == ["original", "720p", "240p"]
    assert [each.rendition for each in choose(items, budget)] == ["240p"] * 3
    assert [each.item_id for each in choose(items, budget - 1)] == ["a", "b"]


def test_the_reserves_are_enough_for_the_page() -> None:
    """The frame leaves room for a page that grows; an entry has the longest names."""
    assert len(offline_page.page_of(pack_of(()))) < FRAME * 3 // 4
    longest = item("i" * 64, {"original": 1}, "\U00020000" * 300)
    (packed,) = choose([longest], 10**6)
    one, none = zipped(pack_of((packed,))), zipped(pack_of(()))
    assert len(one) - len(none) <= packs.overhead(longest) + 1
    assert len(one) - len(none) - packs.ESCAPED * 1200 < ENTRY


def given_by(session_id: str, activity_id: str, *item_ids: str) -> SessionItems:
    return SessionItems(
        session_id=session_id, run_id="r", item_ids=item_ids, activity_id=activity_id
    )


def test_items_are_packed_in_the_order_of_the_path() -> None:
    """Each once; a week has only what the path tells for it; an older version told no order."""
    entries = tuple(PathEntry(item_id=each, week=week) for each, week in [("b", 2), ("a", 1)])
    path = RunReadingList(run_id="r", item_ids=("a", "b"), sequence=1, entries=entries)
    assert packs.wanted(path, [], ["c", "a"], 0) == ["b", "a", "c"]
    assert packs.wanted(path, [], ["c"], 1) == ["a"]
    older = RunReadingList(run_id="r", item_ids=("a", "b"), sequence=1)
    assert packs.wanted(older, [], [], 0) == ["a", "b"]
    assert packs.wanted(None, [], ["c"], 0) == ["c"]


def test_what_a_session_gives_has_the_week_of_its_activity() -> None:
    """It comes at the activity's place; that of an extra class, of an activity that the path does
    not have any more, and what an older version stored, is in no week.
    """
    entries = (
        PathEntry(item_id="a", week=1, activity_id="reading"),
        PathEntry(item_id="", week=1, activity_id="lecture"),
        PathEntry(item_id="b", week=2, activity_id="essay"),
        PathEntry(item_id="", activity_id="seminar"),
        PathEntry(item_id="o", week=2),
    )
    path = RunReadingList(run_id="r", item_ids=("a", "b", "o"), sequence=1, entries=entries)
    given = [
        given_by("s1", "lecture", "slides", "film"),
        given_by("s2", "lecture", "film", "a"),
        given_by("s3", "", "extra"),
        given_by("s4", "gone", "old"),
        given_by("s5", "seminar", "sources"),
    ]
    assert packs.wanted(path, given, [], 1) == ["a", "slides", "film"]
    assert packs.wanted(path, given, [], 2) == ["b", "o"]
    everything = ["a", "slides", "film", "b", "sources", "o", "extra", "old", "more"]
    assert packs.wanted(path, given, ["more"], 0) == everything
    assert packs.wanted(None, given, [], 1) == []


def test_the_same_content_is_the_same_pack_and_the_same_bytes() -> None:
    """Whoever asks, and with whatever budget; other content, run or week is another one."""
    items = [item("a", {"original": 10}), item("b", {"original": 20})]
    small, large = (pack_of(choose(items, budget)) for budget in (10**5, 10**6))
    assert small.id == large.id
    assert zipped(small) == zipped(large)
    assert pack_of(small.items, week=1).id != small.id
    assert pack_of(small.items[:1]).id != small.id


def test_who_may_read_later_does_not_read_a_pack() -> None:
    """An embargo or a state other than AVAILABLE keeps an item out, or that it is not the run's."""
    there = item("a", {"original": 10})
    assert packs.is_for_learners(there, "run-1", {"a"}, NOW)
    assert not packs.is_for_learners(there, "run-1", {"b"}, NOW)
    gone = replace(there, state=ItemState.RETIRED)
    later = replace(there, not_before=NOW + timedelta(seconds=1))
    assert not packs.is_for_learners(later, "run-1", {"a"}, NOW)
    assert not packs.is_for_learners(gone, "run-1", {"a"}, NOW)


class Page(HTMLParser):
    """The tags of a page, and the text of its headings."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.titles: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See HTMLParser."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """See HTMLParser."""
        if self.tags and self.tags[-1][0] == "h2" and data.strip():
            self.titles.append(data)


def test_a_hostile_title_is_text_and_makes_a_plain_name() -> None:
    """No markup, no folder, no invisible sign; right-to-left letters stay."""
    pack = pack_of(choose([item("a", {"original": 9}, HOSTILE)], 10**6))
    archive = zipfile.ZipFile(io.BytesIO(zipped(pack)))
    page_name, name = archive.namelist()
    assert page_name == "index.html"
    assert name.startswith("0001-script-img-src-x")
    assert not set(name) & set('/\\<>"\u202e:')
    page = Page(archive.read("index.html").decode())
    assert page.titles == [HOSTILE]
    assert not [tag for tag, _ in page.tags if tag == "img"]
    (player,) = [attributes for tag, attributes in page.tags if tag == "video"]
    assert unquote(str(player["src"])) == name
    assert player["data-item"] == "a"
    assert archive.testzip() is None
    hebrew = pack_of(choose([item("a", {"original": 9}, f"{HEBREW} / 2")], 10**6))
    read = zipfile.ZipFile(io.BytesIO(zipped(hebrew))).infolist()[1]
    assert read.filename == f"0001-{HEBREW}-2.mp4"
    assert read.flag_bits & 0x800  # UTF-8 (APPNOTE.TXT, section 4.4.4)


def test_a_page_loads_nothing_from_a_network() -> None:
    """Its sources are files beside it."""
    pack = pack_of(choose([item("a", {"original": 9})], 10**6))
    page = Page(offline_page.page_of(pack).decode())
    sources = [attrs[key] for _, attrs in page.tags for key in ("src", "href") if key in attrs]
    assert sources == packs.names(pack.items)


def test_other_bytes_than_were_verified_are_refused() -> None:
    """A ZIP with them is not stored."""
    pack = pack_of(choose([item("a", {"original": 9})], 10**6))
    with pytest.raises(packing.Damaged, match="original of item a"):
        packing.write_zip(io.BytesIO(), pack, ["a"], lambda _: iter([b"x" * 9]), lambda: None)


@pytest.fixture(scope="module")
def node() -> str:
    """Node.js, which runs the page's script."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("there is no node")
    return found


def run_script(node: str, code: str) -> Any:
    """What a code returns that is run after the page's script, as JSON."""
    script = (offline_page.FOLDER / "pack.js").read_text()
    whole = f"{script}\n(async () => {{ {code} }})().then((it) => console.log(JSON.stringify(it)));"
    done = subprocess.run(
        [node, "-e", whole], capture_output=True, text=True, check=True, timeout=600
    )
    return json.loads(done.stdout)


SENDING = """
  let stored = JSON.stringify(emptyRecord());
  const load = () => JSON.parse(stored), keep = (record) => { stored = JSON.stringify(record); };
  const watched = (...interval) => { const r = load(); played(r, ...interval); keep(r); };
"""


def test_the_script_merges_intervals_and_writes_them_as_xapi(node: str) -> None:
    """What was played twice is there once."""
    code = """
      const record = emptyRecord();
      for (const [from, to] of [[20, 30], [0, 10], [5, 12.3456], [12.3456, 13]])
        played(record, "film", 60, from, to);
      seal(record, "run-1", () => "id", "now");
      return record;
    """
    record = run_script(node, code)
    assert record["fresh"] == {}
    (statement,) = record["sealed"]
    assert statement["video"] == {"length": 60, "playedSegments": "0[.]13[,]20[.]30"}
    assert (statement["id"], statement["itemId"], statement["runId"]) == ("id", "film", "run-1")


def test_the_script_sends_again_with_the_same_id_until_it_is_stored(node: str) -> None:
    """A lost answer: the repeat is the same statement, and what was watched meanwhile another."""
    code = (
        SENDING
        + """
      watched("film", 60, 0, 10);
      const sent = [];
      try {
        await sendAll(load, keep, "ada", "run-1", async (body) => { sent.push(body); throw 1; });
      } catch {}
      watched("film", 60, 10, 20);
      await sendAll(load, keep, "ada", "run-1", async (body) => {
        sent.push(body);
        watched("film", 60, 20, 30);
        return { results: body.statements.map((each, row) => row ? { row, id: each.id } : {}) };
      });
      return { sent, left: load() };
    """
    )
    told = run_script(node, code)
    for body in told["sent"]:
        request = json_format.ParseDict(body, progress_pb2.RecordStatementsRequest())
        assert request.statements[0].video.played_segments == "0[.]10"
    (first,), (again, later) = (body["statements"] for body in told["sent"])
    assert first == again
    assert first["learnerId"] == "ada"
    assert later["id"] != first["id"]
    assert later["video"]["playedSegments"] == "10[.]20"
    assert told["left"]["sealed"] == []
    assert told["left"]["fresh"]["film"]["segments"] == [[20, 30]]


def test_the_script_keeps_what_is_refused_and_sends_the_rest(node: str) -> None:
    """150 statements go in two requests; two that are refused stay, at the end."""
    code = (
        SENDING
        + """
      for (let i = 0; i < 150; i++) watched("film-" + i, 60, 0, 10);
      const sizes = [];
      const reasons = await sendAll(load, keep, "ada", "run-1", async ({ statements }) => {
        sizes.push(statements.length);
        const wrong = [{ field: "run_id", wrong: "is not known" }];
        const isBad = (each) => ["film-0", "film-149"].includes(each.itemId);
        return { results: statements.map((each, row) => isBad(each) ? { row, violations: wrong }
          : { row, id: each.id }) };
      });
      return { sizes, reasons, left: load().sealed.map((each) => each.itemId) };
    """
    )
    told = run_script(node, code)
    assert told["sizes"] == [100, 50]
    assert told["reasons"] == ["run_id: is not known"] * 2
    assert sorted(told["left"]) == ["film-0", "film-149"]


def test_the_script_counts_what_is_played_and_not_what_is_skipped(node: str) -> None:
    """A player plays 0 to 2, seeks to 50, plays to 51 and pauses."""
    code = """
      const player = new EventTarget(), told = [];
      const dataset = { item: "f" };
      Object.assign(player, { currentTime: 0, duration: 60, playbackRate: 1, dataset });
      watch(player, (...interval) => told.push(interval));
      const at = (time, name) => {
        player.currentTime = time;
        player.dispatchEvent(new Event(name));
      };
      at(0, "play"); at(1, "timeupdate"); at(2, "timeupdate");
      player.seeking = true; at(50, "seeking"); at(50, "timeupdate");
      player.seeking = false; at(50, "seeked"); at(51, "timeupdate"); at(51.5, "pause");
      at(51.5, "timeupdate");
      return told;
    """
    assert run_script(node, code) == [
        ["f", 60, 0, 1],
        ["f", 60, 1, 2],
        ["f", 60, 50, 51],
        ["f", 60, 51, 51.5],
    ]


def test_the_script_makes_uuids(node: str) -> None:
    """Of version 4, each another."""
    made = run_script(node, "return [newUuid(), newUuid()];")
    assert len(set(made)) == 2
    assert all(each[14] == "4" and each[19] in "89ab" and len(each) == 36 for each in made)
