"""The rules of imports: fields, roles, terms, counts, and when removals need a confirmation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campus.oneroster.export import HEADERS
from services.catalog.domain.enums import Role
from services.catalog.domain.oneroster.facts import (
    ClassFacts,
    RoleFacts,
    Subject,
    TermFacts,
    UserFacts,
    facts_of,
    names_in,
    roles_of,
    with_terms,
)
from services.catalog.domain.oneroster.files import COLUMNS, File, row_violations
from services.catalog.domain.oneroster.imports import (
    FileCounts,
    ImportOptions,
    counted,
    large_removals,
    recounted,
)
from services.catalog.domain.oneroster.people import person_of
from services.catalog.domain.oneroster.rows import ImportRow, Link, Result, compared, taken_back
from services.catalog.domain.people import Person

USER = UserFacts(
    person_id="s1", given_name="Ada", family_name="L", email="ada@x.edu", roles=(Role.LEARNER,)
)
RESULTS = st.sampled_from(list(Result))


def row(result: Result = Result.ADDED, file: str = "users.csv") -> ImportRow:
    """A row with a result."""
    return ImportRow(file=file, line=2, sourced_id="s1", result=result, facts=USER)


@pytest.mark.parametrize("file", File)
def test_the_columns_are_those_of_the_binding(file: File) -> None:
    """Each file has the columns of an export, in any order, and no other."""
    assert {column.name for column in COLUMNS[file]} == set(HEADERS[file].split(","))


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({}, ["sourcedId", "title", "startDate", "endDate"]),
        ({"sourcedId": "t" * 256}, ["sourcedId"]),
        ({"title": "x" * 65}, ["title"]),
        ({"title": "a\tb"}, ["title"]),
        ({"title": "a\ufffdb"}, ["title"]),
        ({"startDate": "1.3.2026", "endDate": "2026-02-30"}, ["startDate", "endDate"]),
        ({"type": "TERM"}, []),
        ({"type": "week"}, ["type"]),
        ({"status": "gone"}, ["status"]),
    ],
)
def test_each_wrong_field_is_told(values: dict[str, str], wrong: list[str]) -> None:
    """All of a row, with what would be right."""
    right = {"sourcedId": "t", "title": "T", "startDate": "2026-03-01", "endDate": "2026-06-30"}
    found = list(row_violations(File.SESSIONS, right | values if values else {}))
    assert [each.field for each in found] == wrong
    assert all(each.right for each in found)


@pytest.mark.parametrize("subject", Subject)
def test_the_subject_is_the_column_that_was_chosen(subject: Subject) -> None:
    """A person's id comes from it, and from no other column."""
    values = {"givenName": "Ada", **{each.column: each.value for each in Subject}}
    facts = facts_of(File.USERS, values, subject)
    assert isinstance(facts, UserFacts)
    assert facts.person_id == subject.value


def test_roles_are_those_that_tandem_has_and_a_file_may_give() -> None:
    """Each once; an administrator's gives nothing."""
    given_roles = ["student", "aide", "teacher", "systemAdministrator", "guardian"]
    listed = [RoleFacts(user="s1", role=each) for each in given_roles]
    assert roles_of(listed) == (Role.INSTRUCTOR, Role.LEARNER)


def test_what_no_file_says_of_a_person_stays() -> None:
    """Language, zone, and the role of a registrar."""
    before = Person(
        id="s1", given_name="A", family_name="B", email="a@x.edu", language="de",
        zone="Europe/Vienna", roles=(Role.INSTRUCTOR, Role.REGISTRAR),
    )  # fmt: skip
    after = person_of(USER, before, ImportOptions())
    assert (after.language, after.zone) == ("de", "Europe/Vienna")
    assert after.roles == (Role.LEARNER, Role.REGISTRAR)
    assert person_of(USER, None, ImportOptions(language="fr")).language == "fr"


def test_a_class_of_two_terms_lasts_from_the_first_day_to_the_last() -> None:
    """In any order; the term's name is that of the first one that is named."""
    facts = ClassFacts(title="C", course="c", terms=names_in(" t2, t1,,t2 "))
    assert facts.terms == ("t2", "t1")
    terms = [
        TermFacts(title="Autumn", start_date="2026-09-01", end_date="2026-12-31"),
        TermFacts(title="Spring", start_date="2026-03-01", end_date="2026-06-30"),
    ]
    whole = with_terms(facts, terms)
    assert (whole.term, whole.start_date, whole.end_date) == ("Autumn", "2026-03-01", "2026-12-31")
    turned = ClassFacts(title="D", course="c", terms=("t1", "t2"))
    assert whole.run_key == turned.run_key


def test_a_row_is_compared_with_what_its_source_gave() -> None:
    """New, changed, as it was; what was taken back is new again, and not removed twice."""
    link = Link(source="sis", file=File.USERS, sourced_id="s1", facts=USER, of="s1", owned=True)
    other = UserFacts(person_id="s1", given_name="B", family_name="", email="")
    changed = ImportRow(file="users.csv", result=Result.ADDED, facts=other)
    assert compared(row(), None).result is Result.ADDED
    assert compared(row(), link).result is Result.UNCHANGED
    assert compared(changed, link).result is Result.CHANGED
    assert compared(row(), link.taken()).result is Result.ADDED
    assert taken_back(row(), link).result is Result.REMOVED
    assert taken_back(row(), link.taken()).result is Result.UNCHANGED


@pytest.mark.parametrize(
    ("removed", "had", "share", "confirmed", "asks"),
    [
        (10, 10, 0.1, 0, False),
        (11, 11, 0.1, 0, True),
        (11, 110, 0.1, 0, False),
        (12, 110, 0.1, 0, True),
        (12, 110, 0.1, 12, False),
        (13, 110, 0.1, 12, True),
        (50, 100, 1.0, 0, False),
        (11, 1000, 0.0, 0, True),
    ],
)
def test_many_removals_need_a_confirmation(
    removed: int, had: int, share: float, confirmed: int, asks: bool
) -> None:
    """More than ten rows and more than the share, unless as many were confirmed."""
    counts = [FileCounts(file="users.csv", had=had, removed=removed)]
    agreed = [FileCounts(file="users.csv", removed=confirmed)]
    assert bool(large_removals(counts, share, agreed)) is asks
    only_referred_to = [FileCounts(file="roles.csv", had=had, removed=removed)]
    assert large_removals(only_referred_to, share, []) == []


@given(st.lists(st.tuples(RESULTS, RESULTS)))
def test_counts_follow_what_became_of_rows(pairs: list[tuple[Result, Result]]) -> None:
    """After rows got other results, the counts are those of the new results alone."""
    before, after = [row(was) for was, _ in pairs], [row(now) for _, now in pairs]
    found = recounted(counted({}, before).values(), before, after)
    assert set(found) == set(counted({}, after).values())
