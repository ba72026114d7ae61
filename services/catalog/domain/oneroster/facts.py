"""What a row says, in Tandem's terms; it is kept with the row's external id, and compared."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from chassis.errors import FieldViolation
from chassis.staff import StaffRole
from services.catalog.domain.enums import Role
from services.catalog.domain.oneroster.files import File, quoted

Values = Mapping[str, str]
# The binding, section 3, roles.csv: its enumeration, as far as Tandem has the role. No file makes
# anybody a registrar.
ROLES: Mapping[str, Role] = {
    "student": Role.LEARNER,
    "teacher": Role.INSTRUCTOR,
    "aide": Role.INSTRUCTOR,
}
STUDENT = "student"
STAFF_ROLES: Mapping[str, StaffRole] = {
    "teacher": StaffRole.TEACHER,
    "aide": StaffRole.ASSISTANT,
}


class Subject(StrEnum):
    """The column of users.csv that has a person's id, which is the subject of their tokens."""

    SOURCED_ID = "SOURCED_ID"
    USERNAME = "USERNAME"
    IDENTIFIER = "IDENTIFIER"
    USER_MASTER_IDENTIFIER = "USER_MASTER_IDENTIFIER"

    @property
    def column(self) -> str:
        """Return the column's name."""
        return _COLUMNS_OF[self]


_COLUMNS_OF = {
    Subject.SOURCED_ID: "sourcedId",
    Subject.USERNAME: "username",
    Subject.IDENTIFIER: "identifier",
    Subject.USER_MASTER_IDENTIFIER: "userMasterIdentifier",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OrgFacts:
    """A school or department; it is only referred to."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TermFacts:
    """An academic session; it is only referred to. Dates are YYYY-MM-DD."""

    title: str
    start_date: str
    end_date: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleFacts:
    """A role of a user."""

    user: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserFacts:
    """A person; `roles` come from roles.csv."""

    person_id: str
    given_name: str
    family_name: str
    email: str
    roles: tuple[Role, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseFacts:
    """A course."""

    code: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassFacts:
    """A class: a run, or a group of one. Term and days come from its academic sessions."""

    title: str
    course: str
    terms: tuple[str, ...]
    term: str = ""
    start_date: str = ""
    end_date: str = ""

    @property
    def run_key(self) -> str:
        """Return what names the run whose groups are classes: the course, and its terms."""
        return " ".join((self.course, *sorted(self.terms)))


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrollmentFacts:
    """A student or a member of staff in a class."""

    class_id: str
    user: str
    role: str

    @property
    def is_student(self) -> bool:
        """Return whether it becomes an enrolment, and not a place among the staff."""
        return self.role == STUDENT


Facts = OrgFacts | TermFacts | RoleFacts | UserFacts | CourseFacts | ClassFacts | EnrollmentFacts
TYPES: Mapping[File, type[Facts]] = {
    File.ORGS: OrgFacts,
    File.SESSIONS: TermFacts,
    File.ROLES: RoleFacts,
    File.USERS: UserFacts,
    File.COURSES: CourseFacts,
    File.CLASSES: ClassFacts,
    File.ENROLLMENTS: EnrollmentFacts,
}


@dataclass(frozen=True, slots=True)
class Reference:
    """A field that names a row of another file."""

    column: str
    file: File
    sourced_id: str


def references(file: File, values: Values) -> tuple[Reference, ...]:
    """Return what a row refers to; empty fields refer to nothing."""
    found = [
        Reference(column, to, each)
        for column, to in _REFERENCES.get(file, ())
        for each in names_in(values.get(column, ""))
    ]
    return tuple(found)


_REFERENCES: Mapping[File, tuple[tuple[str, File], ...]] = {
    File.ROLES: (("userSourcedId", File.USERS),),
    File.COURSES: (("orgSourcedId", File.ORGS),),
    File.CLASSES: (
        ("courseSourcedId", File.COURSES),
        ("schoolSourcedId", File.ORGS),
        ("termSourcedIds", File.SESSIONS),
    ),
    File.ENROLLMENTS: (("classSourcedId", File.CLASSES), ("userSourcedId", File.USERS)),
}


def names_in(text: str) -> tuple[str, ...]:
    """Return the ids of a field with a list of them (the binding, section 2), each once."""
    return tuple(dict.fromkeys(filter(None, (each.strip() for each in text.split(",")))))


def facts_of(file: File, values: Values, subject: Subject) -> Facts:
    """Return what a row says; its fields are right by themselves (`row_violations`)."""
    return _READERS[file](values, subject)


def _user(values: Values, subject: Subject) -> UserFacts:
    return UserFacts(
        person_id=values.get(subject.column, ""),
        given_name=values["givenName"],
        family_name=values.get("familyName", ""),
        email=values.get("email", ""),
    )


def _term(values: Values, _: Subject) -> TermFacts:
    return TermFacts(
        title=values["title"], start_date=values["startDate"], end_date=values["endDate"]
    )


def _class(values: Values, _: Subject) -> ClassFacts:
    terms = names_in(values["termSourcedIds"])
    return ClassFacts(title=values["title"], course=values["courseSourcedId"], terms=terms)


def _enrollment(values: Values, _: Subject) -> EnrollmentFacts:
    return EnrollmentFacts(
        class_id=values["classSourcedId"],
        user=values["userSourcedId"],
        role=values["role"].lower(),
    )


_READERS: Mapping[File, Callable[[Values, Subject], Facts]] = {
    File.ORGS: lambda values, _: OrgFacts(name=values["name"]),
    File.SESSIONS: _term,
    File.ROLES: lambda values, _: RoleFacts(
        user=values["userSourcedId"], role=values["role"].lower()
    ),
    File.USERS: _user,
    File.COURSES: lambda values, _: CourseFacts(
        code=values.get("courseCode") or values["sourcedId"], title=values["title"]
    ),
    File.CLASSES: _class,
    File.ENROLLMENTS: _enrollment,
}


def facts_violations(facts: Facts, subject: Subject) -> Iterator[FieldViolation]:
    """Yield what is wrong with the facts of a row together."""
    match facts:
        case UserFacts(person_id=""):
            wrong = "is empty, and is to be the person's id"
            yield FieldViolation(subject.column, wrong, "a value, or another subject")
        case TermFacts() if facts.end_date < facts.start_date:
            wrong = f"{facts.end_date} is before the start"
            yield FieldViolation("endDate", wrong, f"{facts.start_date} or later")
        case EnrollmentFacts() if not facts.is_student and facts.role not in STAFF_ROLES:
            known = ", ".join((STUDENT, *STAFF_ROLES))
            yield FieldViolation("role", f"is {quoted(facts.role)}", f"one of {known}")


def roles_of(roles: Iterable[RoleFacts]) -> tuple[Role, ...]:
    """Return what somebody does at the university, by all roles of the person, in order."""
    return tuple(sorted({ROLES[each.role] for each in roles if each.role in ROLES}))


def roles_violations(facts: UserFacts) -> Iterator[FieldViolation]:
    """Yield a violation for a person without any role that Tandem has."""
    if not facts.roles:
        known = ", ".join(ROLES)
        yield FieldViolation("sourcedId", "has no role in roles.csv", f"one of {known}")


def with_terms(facts: ClassFacts, terms: Iterable[TermFacts]) -> ClassFacts:
    """Return a class with the days of its terms: from the first day of all to the last."""
    listed = list(terms)
    return ClassFacts(
        title=facts.title,
        course=facts.course,
        terms=facts.terms,
        term=listed[0].title,
        start_date=min(each.start_date for each in listed),
        end_date=max(each.end_date for each in listed),
    )
