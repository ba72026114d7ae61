"""The description of an item: the forms of its standards, and what follows from its type."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from services.library.domain.enums import ItemKind
from services.library.domain.identifiers import WrongIdentifier, normal_form
from services.library.domain.items import Metadata
from services.library.domain.metadata import as_stored, as_told, metadata_violations

ISBN_13 = st.from_regex(r"97[89][0-9]{9}", fullmatch=True)
ISBN_10 = st.from_regex(r"[0-9]{9}", fullmatch=True)
ISSN = st.from_regex(r"[0-9]{7}", fullmatch=True)
DOI = st.builds(
    "10.{}/{}".format,
    st.integers(1000, 99_999),
    st.text(min_size=1).filter(lambda text: text.isprintable() and not set(text) & {" ", "\u3000"}),
)


def right_digits(start: str, digits: str) -> list[str]:
    """The last digits with which an identifier is accepted."""
    right = []
    for last in "0123456789X":
        try:
            normal_form(f"{start}{digits}{last}")
        except WrongIdentifier:
            continue
        right.append(last)
    return right


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("doi:10.1000/182", "doi:10.1000/182"),
        ("DOI: 10.1000/ABC", "doi:10.1000/abc"),
        ("https://doi.org/10.1000/A%3Cb%3E", "doi:10.1000/a<b>"),
        ("http://dx.doi.org/10.1000.10/182", "doi:10.1000.10/182"),
        ("isbn:978-0-306-40615-7", "urn:isbn:9780306406157"),
        ("ISBN 0-306-40615-2", "urn:isbn:9780306406157"),
        ("urn:isbn:080442957x", "urn:isbn:9780804429573"),
        ("issn:2049-3630", "urn:issn:2049-3630"),
        ("ISSN 1050124X", "urn:issn:1050-124X"),
        (" urn:nbn:de:101:1-201102033592 ", "urn:nbn:de:101:1-201102033592"),
        ("https://example.org/a", "https://example.org/a"),
    ],
)
def test_an_identifier_has_one_normal_form(given: str, normal: str) -> None:
    """Whatever stood before it, and between its digits."""
    assert normal_form(given) == normal


@given(
    st.one_of(
        DOI.map("doi:{}".format),
        DOI.map("https://doi.org/{}".format),
        ISBN_13.flatmap(lambda x: st.sampled_from([f"isbn:{x}{last}" for last in "0123456789"])),
        ISBN_10.flatmap(lambda x: st.sampled_from([f"isbn:{x}{last}" for last in "0123456789X"])),
        ISSN.flatmap(lambda x: st.sampled_from([f"issn:{x}{last}" for last in "0123456789X"])),
        st.from_regex(r"[a-z]+:[^\s]+", fullmatch=True),
    )
)
def test_a_normal_form_stays(identifier: str) -> None:
    """The normal form of a normal form is the same."""
    try:
        normal = normal_form(identifier)
    except WrongIdentifier:
        reject()
    assert normal_form(normal) == normal


@given(DOI)
def test_a_doi_has_no_case(doi: str) -> None:
    """In ASCII letters."""
    upper = "".join(each.upper() if each.isascii() else each for each in doi)
    assert normal_form(f"doi:{upper}") == normal_form(f"DOI:{doi}")


@given(ISBN_13, ISBN_10, ISSN)
def test_a_wrong_check_digit_is_refused(isbn_13: str, isbn_10: str, issn: str) -> None:
    """Of all last digits one is right; the fault tells it."""
    for start, digits in (("isbn:", isbn_13), ("isbn:", isbn_10), ("issn:", issn)):
        [right] = right_digits(start, digits)
        wrong = "1" if right == "0" else "0"
        with pytest.raises(WrongIdentifier) as error:
            normal_form(f"{start}{digits}{wrong}")
        assert error.value.right == f"{digits}{right}, or other digits"


@given(ISBN_13.filter(lambda x: x.startswith("978")), st.data())
def test_neighbours_that_changed_places_are_found(digits: str, data: st.DataObject) -> None:
    """ISBN-10's check digit finds them (ISO 2108); both ISBNs of a book have one normal form."""
    nine = digits[3:]
    [ten], [thirteen] = right_digits("isbn:", nine), right_digits("isbn:", digits)
    assert normal_form(f"isbn:{nine}{ten}") == normal_form(f"isbn:{digits}{thirteen}")
    at = data.draw(st.integers(0, 7))
    swapped = nine[:at] + nine[at + 1] + nine[at] + nine[at + 2 :]
    if swapped != nine:
        with pytest.raises(WrongIdentifier):
            normal_form(f"isbn:{swapped}{ten}")


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "10.1000/182",
        "9780306406157",
        "doi:11.1000/182",
        "doi:10.1000/",
        "doi:10.a/1",
        "doi:10.1000/a b",
        "isbn:123",
        "isbn:9770306406157",
        "issn:20493630X",
        "isbn:",
        "https://doi.org/",
        "https://doi.org/10.1000/a%0Ab",
        "a: b",
        "isbn:٩٧٨٠٣٠٦٤٠٦١٥٧",
    ],
)
def test_what_is_no_identifier_is_refused(wrong: str) -> None:
    """Also digits without a scheme: what they are is not known."""
    with pytest.raises(WrongIdentifier):
        normal_form(wrong)


def test_every_fault_of_a_description_is_told() -> None:
    """With its place, and what would be right."""
    metadata = Metadata(
        title="Motion",
        date="2026-02-30",
        language="English (UK)",
        licence="as you like",
        identifiers=("doi:10.1000/182", "isbn:9780306406158", "Physics 1"),
    )
    faults = {each.field: each.right for each in metadata_violations(metadata)}
    assert list(faults) == [
        "metadata.date",
        "metadata.language",
        "metadata.licence",
        "metadata.identifiers[1]",
        "metadata.identifiers[2]",
    ]
    assert all(faults.values())


ZONES = st.integers(-23 * 60, 23 * 60).map(lambda m: timezone(timedelta(minutes=m)))


@given(st.dates(), st.datetimes(timezones=ZONES | st.just(UTC)), st.integers(0, 2))
def test_dates_are_of_w3cdtf(day: date, instant: datetime, cut: int) -> None:
    """A year, a month, a day, an instant to the minute, the second or its fraction."""
    told = [day.isoformat()[: 4 + 3 * cut]]
    told += [instant.isoformat(timespec=each) for each in ("minutes", "seconds", "milliseconds")]
    for each in told:
        assert list(metadata_violations(Metadata(title="Motion", date=each))) == []


@pytest.mark.parametrize(
    "wrong",
    [
        "26",
        "2026-13",
        "2026-3",
        "0000",
        "2026-02-29",
        "2026-03-02T09:30",
        "2026-03-02T25:00Z",
        "2026-03-02T09Z",
        "2. 3. 2026",
        "20260302",
        "2026-W10",
        "2026-03-02T09:30:00.Z",
    ],
)
def test_other_dates_are_refused(wrong: str) -> None:
    """Also days that no calendar has, and instants without a zone."""
    [fault] = metadata_violations(Metadata(title="Motion", date=wrong))
    assert fault.field == "metadata.date"


@pytest.mark.parametrize(
    ("language", "right"),
    [(each, True) for each in ("en", "de-AT", "zh-Hant-TW", "sl-rozaj-biske", "x-whatever")]
    + [(each, True) for each in ("de-CH-1901", "en-a-bbb-x-a", "es-419", "az-Arab-x-azE-derbend")]
    + [(each, False) for each in ("e", "en_GB", "de-419-DE", "a-DE", "en-", "english language")],
)
def test_languages_are_well_formed(language: str, right: bool) -> None:
    """The examples of RFC 5646, appendix A."""
    faults = list(metadata_violations(Metadata(title="Motion", language=language)))
    assert (faults == []) is right


@pytest.mark.parametrize(
    ("licence", "right"),
    [
        ("CC-BY-4.0", True),
        ("GPL-2.0+", True),
        ("https://creativecommons.org/licenses/by/4.0/", True),
        ("all rights reserved", False),
        ("https://", False),
        ("ftp://example.org/", False),
    ],
)
def test_a_licence_is_an_id_or_a_url(licence: str, right: bool) -> None:
    """Free text belongs into `rights`."""
    faults = list(metadata_violations(Metadata(title="Motion", licence=licence)))
    assert (faults == []) is right


@pytest.mark.parametrize(
    ("kind", "media_type", "dcmi"),
    [
        (ItemKind.PDF, "application/pdf", "Text"),
        (ItemKind.AUDIO, "audio/ogg", "Sound"),
        (ItemKind.RECORDING, "audio/ogg", "Sound"),
        (ItemKind.RECORDING, "video/mp4", "MovingImage"),
        (ItemKind.DATASET, "text/csv", "Dataset"),
        (ItemKind.CAPTIONS, "text/vtt", "Text"),
    ],
)
def test_type_and_format_follow_from_the_item(kind: ItemKind, media_type: str, dcmi: str) -> None:
    """They are told, and not stored when they come back; what an uploader gives comes first."""
    bare = Metadata(title="Motion")
    told = as_told(bare, kind, media_type)
    assert (told.types, told.formats) == ((dcmi,), (media_type,))
    assert as_stored(told, kind, media_type) == bare
    own = Metadata(title="Motion", types=("Event",), formats=("12 leaves",))
    assert as_told(own, kind, media_type) == as_stored(own, kind, media_type) == own


def test_an_identifier_is_stored_once() -> None:
    """In its normal form, in the order given."""
    given = ("https://example.org/a", "isbn:0306406152", "ISBN 978-0-306-40615-7")
    stored = as_stored(Metadata(title="Motion", identifiers=given), ItemKind.PDF, "a/b")
    assert stored.identifiers == ("https://example.org/a", "urn:isbn:9780306406157")
