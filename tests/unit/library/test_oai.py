"""The rules of OAI-PMH 2.0: arguments and errors, dates, tokens, identifiers, Dublin Core, XML."""

import base64
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.library import oai_xml
from services.library.domain import oai
from services.library.domain.dublin_core import elements, link
from services.library.domain.enums import Access, ItemKind, ItemState
from services.library.domain.identifiers import normal_form
from services.library.domain.items import Item, Metadata, Rendition
from services.library.domain.oai import Cursor, Fault, Refused, Request
from services.library.oai_queries import Header, Record

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
ITEM = Item(
    id="i1",
    kind=ItemKind.PDF,
    metadata=Metadata(title="Motion"),
    state=ItemState.AVAILABLE,
    access=Access.ALL,
    created_at=NOW,
    promised=Rendition(name="original", media_type="application/pdf", size=9, sha256="ab" * 32),
)
INSTANTS = st.datetimes(
    datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)
).map(lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000))  # fmt: skip
NAMES = st.sampled_from(
    ["verb", "from", "until", "set", "metadataPrefix", "identifier", "resumptionToken", "x"]
)
VALUES = st.sampled_from(
    ["ListRecords", "ListIdentifiers", "GetRecord", "ListSets", "oai_dc", "kind:pdf", "2026-03-02",
     "9999-12-31", "0001-01-01T00:00:00Z", "2026-02-30", "oai:h.example:i1", "\ufffd", ""]
)  # fmt: skip


def read(text: str) -> Request:
    """The request of a query, of which nothing is encoded."""
    pairs = [(each.partition("=")[0], each.partition("=")[2]) for each in text.split("&") if each]
    return oai.read_request(oai.check_verb(pairs), pairs)


def faults(text: str) -> list[Fault]:
    """The errors of a query."""
    with pytest.raises(Refused) as error:
        read(text)
    return list(error.value.faults)


def outcome(arguments: list[tuple[str, str]]) -> tuple[Request | None, list[str]]:
    """The request of arguments, or the codes of its errors."""
    try:
        return oai.read_request(oai.check_verb(arguments), arguments), []
    except Refused as refused:
        return None, [fault.code for fault in refused.faults]


@pytest.mark.parametrize("query", ["", "verb=", "verb=list", "verb=Identify&verb=Identify"])
def test_a_verb_that_is_wrong_is_told(query: str) -> None:
    """It is missing, unknown or repeated (section 3.6, badVerb)."""
    (fault,) = faults(query)
    assert fault.code == "badVerb"
    assert "Identify or ListIdentifiers" in fault.text


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("verb=Identify&set=a", ["'set' is no argument of Identify"]),
        ("verb=ListRecords", ["metadataPrefix is missing"]),
        ("verb=GetRecord", ["identifier is missing", "metadataPrefix is missing"]),
        ("verb=GetRecord&identifier=a b&metadataPrefix=oai_dc", ["identifier is 'a b'"]),
        ("verb=ListRecords&metadataPrefix=oai_dc&metadataPrefix=oai_dc", ["is there 2 times"]),
        ("verb=ListRecords&metadataPrefix=&set=a%2", ["metadataPrefix is ''", "set is 'a%2'"]),
        ("verb=ListRecords&metadataPrefix=oai_dc&resumptionToken=a", ["exclusive"]),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=2026-3-2", ["from is '2026-3-2'"]),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=2026-02-30", ["from is '2026-02-30'"]),
        ("verb=ListRecords&metadataPrefix=oai_dc&until=2026-03-02T08:00Z", ["until is"]),
        ("verb=ListRecords&metadataPrefix=oai_dc&until=\uff12026-03-02", ["until is"]),
        (
            "verb=ListRecords&metadataPrefix=oai_dc&from=2026-03-02&until=2026-03-02T08:00:00Z",
            ["granularity"],
        ),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=2026-03-02&until=2026-03-01", ["later"]),
        ("verb=ListRecords&from=x&until=y&z=1", ["'z'", "metadataPrefix", "from is", "until is"]),
    ],
)
def test_all_bad_arguments_are_told_at_once(query: str, told: list[str]) -> None:
    """Each fault of the arguments is an error (section 3.6, badArgument)."""
    found = faults(query)
    assert {fault.code for fault in found} == {"badArgument"}
    assert len(found) == len(told)
    assert all(part in fault.text for part, fault in zip(told, found, strict=True))


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("verb=ListRecords&metadataPrefix=marc21", "cannotDisseminateFormat"),
        ("verb=GetRecord&metadataPrefix=marc21&identifier=oai:a.example:1",
         "cannotDisseminateFormat"),
        ("verb=ListIdentifiers&metadataPrefix=oai_dc&set=kind:scroll", "noRecordsMatch"),
        ("verb=ListSets&resumptionToken=a", "badResumptionToken"),
        ("verb=ListRecords&resumptionToken=", "badResumptionToken"),
    ],
)  # fmt: skip
def test_arguments_that_are_legal_and_refused(query: str, code: str) -> None:
    """Their answers repeat the arguments (section 3.2); those of illegal ones don't."""
    with pytest.raises(Refused) as error:
        read(query)
    assert [fault.code for fault in error.value.faults] == [code]
    assert error.value.has_legal_arguments
    with pytest.raises(Refused) as error:
        read("verb=Identify&set=a")
    assert not error.value.has_legal_arguments


@given(INSTANTS, INSTANTS, st.booleans())
def test_dates_select_by_datestamp(changed_at: datetime, other: datetime, by_day: bool) -> None:
    """An item is selected just if its datestamp is neither before `from` nor after `until`, in the
    granularity of these.
    """
    form = "%Y-%m-%d" if by_day else "%Y-%m-%dT%H:%M:%SZ"
    text = other.strftime(form)
    asked = read(f"verb=ListRecords&metadataPrefix=oai_dc&from={text}&until={text}").selection
    assert asked.changed_from is not None
    assert asked.changed_before is not None
    stamp = oai.datestamp(changed_at).strftime(form)
    assert (changed_at >= asked.changed_from) == (stamp >= text)
    assert (changed_at < asked.changed_before) == (stamp <= text)


@given(INSTANTS, INSTANTS)
def test_a_harvest_continues_exactly(changed_at: datetime, now: datetime) -> None:
    """An item is either in a list, or its datestamp is not before the list's responseDate."""
    response_date = oai.written(now)
    is_listed = changed_at < oai.changed_before(now)
    assert is_listed == (oai.written(oai.datestamp(changed_at)) < response_date)


@given(INSTANTS, st.sampled_from(sorted(oai.SETS)), st.sampled_from(["", "&from=2026-03-02"]))
def test_a_token_continues_its_list(at: datetime, spec: str, dates: str) -> None:
    """It has the list's arguments, the item with which to go on, and legal characters."""
    first = read(f"verb=ListRecords&metadataPrefix=oai_dc&set={spec}{dates}")
    token = oai.token(first, Cursor(at, "i-9"))
    assert re.fullmatch(r"[A-Za-z0-9_=-]+", token)
    assert len(token) <= oai.LONGEST_TOKEN
    resumed = read(f"verb=ListRecords&resumptionToken={token}")
    assert resumed.selection == replace(first.selection, start=Cursor(at, "i-9"))
    assert oai.token(resumed, Cursor(at, "i-9")) == token
    assert [each.code for each in faults(f"verb=ListIdentifiers&resumptionToken={token}")] == [
        "badResumptionToken"
    ]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | VALUES,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(NAMES | st.text(max_size=3), inner),
    max_leaves=9,
)


@given(st.binary(max_size=80) | JSON_VALUES.map(lambda value: json.dumps(value).encode())
       | st.tuples(st.just("ListRecords"), JSON_VALUES, JSON_VALUES, JSON_VALUES)
       .map(lambda parts: json.dumps(parts).encode()))  # fmt: skip
def test_a_forged_token_is_refused_or_a_list(raw: bytes) -> None:
    """Whatever a token holds, it selects what arguments could select, or is refused."""
    token = base64.urlsafe_b64encode(raw).decode()
    found, codes = outcome([("verb", "ListRecords"), ("resumptionToken", token)])
    assert codes == ["badResumptionToken"] or (found and found.selection.start)


@given(st.lists(st.tuples(NAMES | st.text(max_size=3), VALUES | st.text(max_size=9)), max_size=6))
def test_any_arguments_are_a_request_or_errors(arguments: list[tuple[str, str]]) -> None:
    """No argument causes another exception."""
    found, codes = outcome(arguments)
    assert found or codes


@pytest.mark.parametrize(
    "text",
    ["", "i1", "oai:h.example:", "oai:other.example:i1", "oai:h.example:$ne", "OAI:h.example:i1"],
)
def test_an_identifier_of_another_form_names_nothing(text: str) -> None:
    """Only identifiers as this repository makes them name an item."""
    assert oai.item_id_of("h.example", oai.identifier("h.example", "i1")) == "i1"
    with pytest.raises(Refused) as error:
        oai.item_id_of("h.example", text)
    assert [fault.code for fault in error.value.faults] == ["idDoesNotExist"]


@given(st.sampled_from(ItemState), st.sampled_from(Access))
def test_only_what_is_available_for_all_is_public(state: ItemState, access: Access) -> None:
    """No item of runs, and no item in another state."""
    wanted = state is ItemState.AVAILABLE and access is Access.ALL
    assert oai.is_public(state, access) == wanted


def test_all_fifteen_elements_are_told() -> None:
    """With the licence as rights, what follows from the type, the newer version and the embargo."""
    metadata = Metadata(
        title="Motion", creators=("Newton", "Hooke"), subjects=("motion",), description="Laws",
        language="la", rights="All may read it", publishers=("RS",), contributors=("Halley",),
        date="1687", identifiers=("doi:10.1000/182", "urn:isbn:9780306406157"), sources=("a",),
        relations=("b",), coverages=("c",), licence="CC0-1.0",
    )  # fmt: skip
    item = replace(ITEM, metadata=metadata, not_before=NOW)
    assert list(elements(item, "oai:h.example:i2")) == [
        ("title", "Motion"), ("creator", "Newton"), ("creator", "Hooke"), ("subject", "motion"),
        ("description", "Laws"), ("publisher", "RS"), ("contributor", "Halley"), ("date", "1687"),
        ("date", "info:eu-repo/date/embargoEnd/2026-03-02"), ("type", "Text"),
        ("format", "application/pdf"), ("identifier", "https://doi.org/10.1000/182"),
        ("identifier", "urn:isbn:9780306406157"), ("source", "a"), ("language", "la"),
        ("relation", "b"), ("relation", "oai:h.example:i2"), ("coverage", "c"),
        ("rights", "All may read it"), ("rights", "CC0-1.0"),
    ]  # fmt: skip


@given(st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1, max_size=20))
def test_the_url_of_a_doi_is_the_doi(suffix: str) -> None:
    """Its characters are encoded so that the URL names the same DOI."""
    doi = normal_form(f"doi:10.1000/{suffix}")
    assert re.fullmatch(r"https://doi\.org/[!-~]+", link(doi))
    assert normal_form(link(doi)) == doi


@given(st.text(st.characters(), max_size=30))
def test_any_text_is_well_formed(text: str) -> None:
    """Characters that XML 1.0 does not have are replaced; all others come back."""
    metadata = replace(ITEM.metadata, title=f"x{text}")
    header = Header("i1", ItemKind.PDF, NOW, is_deleted=False)
    item = Record(header, replace(ITEM, metadata=metadata))
    record: Any = oai_xml.record(item, "h.example")
    document = fromstring(oai_xml.response("https://h.example/oai", NOW, {"set": text}, [record]))
    (title,) = document.iter("{http://purl.org/dc/elements/1.1/}title")
    kept = "".join(
        char if char in "\t\n\r" or (char >= " " and not "\ud800" <= char <= "\udfff"
                                     and char not in "\ufffe\uffff") else "\ufffd"
        for char in text
    )  # fmt: skip
    assert title.text == "x" + kept.replace("\r\n", "\n").replace("\r", "\n")
