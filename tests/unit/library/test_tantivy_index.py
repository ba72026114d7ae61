"""The index in a folder: what it finds, and what it survives."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chassis.errors import Invalid
from chassis.operations.settings import NO_FILE, SettingsError
from chassis.words import words_of
from services.library.domain.enums import ItemKind
from services.library.domain.search import (
    Facet,
    Found,
    Given,
    IndexedItem,
    Scope,
    SearchQuery,
    parse,
)
from services.library.ports import IndexBroken, IndexPosition
from services.library.tantivy_index import POSITION, TantivyIndex, open_index

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
POSITION_NOW = IndexPosition(NOW, "b", frozenset({"a"}), is_complete=True)


def item(id_: str, title: str, **changes: Any) -> IndexedItem:
    """An item of run r1 with a title and no more text; `changes` replaces fields."""
    words = " ".join(words_of(title))
    fields: dict[str, Any] = {
        "id": id_,
        "versions": (id_,),
        "kind": ItemKind.PDF,
        "language": "en",
        "is_available": True,
        "is_for_all": False,
        "run_ids": ("r1",),
        "uploaded_by": "curie",
        "not_before": None,
        "changed_at": NOW,
        "title": words,
        "text": words,
    }
    return IndexedItem(**{**fields, **changes})


@pytest.fixture
def index(tmp_path: Path) -> Iterator[TantivyIndex]:
    opened = TantivyIndex(tmp_path / "index")
    yield opened
    opened.close()


def put(index: TantivyIndex, *items: IndexedItem) -> None:
    """Put items, so that they can be found."""
    index.put(items)
    index.commit(POSITION_NOW)


def ask(index: TantivyIndex, query: str, **more: Any) -> Found:
    """What a query finds; `more` are fields of SearchQuery."""
    return index.search(SearchQuery(sought=parse(query), **more))


def ids(index: TantivyIndex, query: str, **more: Any) -> set[str]:
    """The ids that a query finds."""
    return {hit.item_id for hit in ask(index, query, **more).hits}


def test_an_item_is_found_in_its_language(index: TantivyIndex) -> None:
    """Another form of a word is found where the item's language has a stemmer; a phrase and a
    quoted word only as written; every language by the words themselves.
    """
    put(
        index,
        item("en", "Lectures on motion"),
        item("de", "Vorlesungen über Bewegung", language="de"),
        item("ja", "大学図書館の本", language="ja"),
        item("none", "Lectures", language="und"),
    )
    assert ids(index, "lecture") == {"en"}
    assert ids(index, "lectures") == {"en", "none"}
    assert ids(index, "vorlesung") == {"de"}
    assert ids(index, "UBER") == {"de"}
    assert ids(index, "図書館") == {"ja"}
    assert ids(index, "館図") == set()
    assert ids(index, '"lectures on"') == {"en"}
    assert ids(index, '"on lectures"') == set()
    assert ids(index, '"lecture"') == set()
    assert ids(index, "lectures -motion") == {"none"}
    assert ids(index, "lectures motion") == {"en"}
    assert ids(index, "lectures", languages=["en"]) == {"en"}
    assert ids(index, "lectures", languages=["de"]) == set()


def test_a_word_in_the_title_counts_more(index: TantivyIndex) -> None:
    """Of two items with the same words, the one with the word in its title comes first."""
    words = "waves and tides of the sea"
    put(
        index,
        item("text", "other", text=f"other {words}"),
        item("title", "waves", text=f"waves {words}"[: len(f"other {words}")]),
    )
    assert [hit.item_id for hit in ask(index, "waves").hits] == ["title", "text"]


def test_an_item_is_replaced(index: TantivyIndex) -> None:
    """An item that is put twice is there once, as it was put last."""
    put(index, item("a", "old"), item("a", "old"))
    assert index.documents == 1
    put(index, item("a", "new"))
    assert (ids(index, "old"), ids(index, "new"), index.documents) == (set(), {"a"}, 1)


def test_filters_and_facets(index: TantivyIndex) -> None:
    """Facets count what the filters leave, the most frequent first."""
    put(
        index,
        item("a", "motion"),
        item("b", "motion", kind=ItemKind.VIDEO, language="de"),
        item("c", "motion", kind=ItemKind.VIDEO, run_ids=("r2",)),
    )
    found = ask(index, "motion", with_facets=True)
    assert found.kinds == (Facet("VIDEO", 2), Facet("PDF", 1))
    assert found.languages == (Facet("en", 2), Facet("de", 1))
    assert ids(index, "motion", kinds=[ItemKind.VIDEO]) == {"b", "c"}
    of_run = ask(index, "motion", given=Given(["r2"], ["a"]), with_facets=True)
    assert {hit.item_id for hit in of_run.hits} == {"a", "c"}
    assert of_run.languages == (Facet("en", 2),)


def test_a_person_finds_what_the_person_sees(index: TantivyIndex) -> None:
    """A learner: what is AVAILABLE, of the runs, named, or for all, after its embargo. Staff and
    who uploaded: everything of theirs. Facets count nothing else.
    """
    later = NOW + timedelta(milliseconds=1)
    put(
        index,
        item("of-run", "motion"),
        item("other", "motion", run_ids=("r2",)),
        item("named", "motion", run_ids=(), versions=("named", "older")),
        item("all", "motion", run_ids=(), is_for_all=True),
        item("embargo", "motion", not_before=later),
        item("opened", "motion", not_before=NOW),
        item("failed", "motion", is_available=False),
        item("own", "motion", run_ids=(), is_available=False, uploaded_by="ada"),
    )

    def found(learner: Given, staff: Given) -> tuple[set[str], int]:
        answer = ask(index, "motion", scope=Scope("ada", learner, staff, NOW), with_facets=True)
        return {hit.item_id for hit in answer.hits}, sum(each.count for each in answer.kinds)

    everybody = {"all", "own"}
    learners = {"of-run", "named", "opened"}
    assert found(Given(), Given()) == (everybody, 2)
    assert found(Given(["r1"], ["older"]), Given()) == (everybody | learners, 5)
    assert found(Given(), Given(["r1"])) == (
        everybody | {"of-run", "embargo", "opened", "failed"},
        6,
    )


def test_pages_have_every_hit_once(index: TantivyIndex) -> None:
    """Pages of two have all five items, and the last one says so."""
    put(index, *(item(f"i{number}", "motion") for number in range(5)))
    pages = [ask(index, "motion", offset=offset, size=2) for offset in (0, 2, 4)]
    assert sorted(hit.item_id for page in pages for hit in page.hits) == [
        f"i{number}" for number in range(5)
    ]
    assert [page.is_last for page in pages] == [False, False, True]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=500), st.lists(st.text(max_size=20), max_size=3))
def test_no_query_breaks_the_index(index: TantivyIndex, query: str, hostile: list[str]) -> None:
    """Any text, and any ids, get an answer."""
    try:
        sought = parse(query)
    except Invalid:
        return
    given_ = Given(hostile, hostile)
    scope = Scope(hostile[0] if hostile else "", given_, given_, NOW)
    index.search(
        SearchQuery(sought=sought, scope=scope, languages=hostile, given=given_, with_facets=True)
    )


def test_a_folder_survives(tmp_path: Path) -> None:
    """What was committed is there again, with its position; what was not is gone."""
    first = TantivyIndex(tmp_path)
    put(first, item("a", "motion"))
    first.put([item("b", "motion")])
    first.close()
    second = TantivyIndex(tmp_path)
    assert (second.position, ids(second, "motion")) == (POSITION_NOW, {"a"})
    second.close()


@pytest.mark.parametrize("rubbish", [b"", b"\xff" * 500])
@pytest.mark.parametrize("damaged", ["meta.json", "*.store", "*.fast", "*.term", POSITION])
def test_a_damaged_folder_is_empty(tmp_path: Path, damaged: str, rubbish: bytes) -> None:
    """A folder in which a file is empty or rubbish is begun anew, whatever file it is."""
    first = TantivyIndex(tmp_path)
    put(first, item("a", "motion"))
    first.close()
    files = list(tmp_path.rglob(damaged))
    assert files
    for file in files:
        file.write_bytes(rubbish)
    second = TantivyIndex(tmp_path)
    assert (second.position, second.documents) == (None, 0)
    put(second, item("b", "motion"))
    assert ids(second, "motion") == {"b"}
    second.close()


def test_an_index_that_could_not_be_cleared_is_broken(
    index: TantivyIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While its folder can't be written the index is broken; afterwards it can be begun anew."""
    put(index, item("a", "motion"))
    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", _no_space)
        with pytest.raises(IndexBroken):
            index.clear()
    with pytest.raises(IndexBroken):
        index.put([item("b", "motion")])
    assert not index.is_complete
    index.clear()
    put(index, item("b", "motion"))
    assert ids(index, "motion") == {"b"}


def _no_space(*_: object) -> None:
    raise OSError("no space left")


def test_another_version_is_removed(tmp_path: Path) -> None:
    """A folder of another version is begun anew, and leaves nothing on the disk."""
    (tmp_path / "v0").mkdir()
    (tmp_path / "v0" / "meta.json").write_text("{}")
    TantivyIndex(tmp_path).close()
    assert not (tmp_path / "v0").exists()


def test_a_folder_has_one_process(tmp_path: Path) -> None:
    """A folder that is in use, or is a file, is refused by the setting's name; none is a temporary
    one.
    """
    first = TantivyIndex(tmp_path / "a")
    with pytest.raises(SettingsError, match="TANDEM_SEARCH_FOLDER"):
        open_index(tmp_path / "a")
    first.close()
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="TANDEM_SEARCH_FOLDER"):
        open_index(tmp_path / "file")
    open_index(NO_FILE).close()
