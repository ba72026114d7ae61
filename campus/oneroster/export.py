"""A university's export as OneRoster 1.2 CSV (1EdTech's CSV Binding 1.2.1), made row by row."""

import csv
import io
import zipfile
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field

HEADERS: Mapping[str, str] = {
    "orgs": "sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId",
    "academicSessions": (
        "sourcedId,status,dateLastModified,title,type,startDate,endDate,parentSourcedId,schoolYear"
    ),
    "roles": (
        "sourcedId,status,dateLastModified,userSourcedId,roleType,role,beginDate,endDate,"
        "orgSourcedId,userProfileSourcedId"
    ),
    "users": (
        "sourcedId,status,dateLastModified,enabledUser,username,userIds,givenName,familyName,"
        "middleName,identifier,email,sms,phone,agentSourcedIds,grades,password,"
        "userMasterIdentifier,resourceSourcedIds,preferredGivenName,preferredMiddleName,"
        "preferredFamilyName,primaryOrgSourcedId,pronouns"
    ),
    "courses": (
        "sourcedId,status,dateLastModified,schoolYearSourcedId,title,courseCode,grades,"
        "orgSourcedId,subjects,subjectCodes"
    ),
    "classes": (
        "sourcedId,status,dateLastModified,title,grades,courseSourcedId,classCode,classType,"
        "location,schoolSourcedId,termSourcedIds,subjects,subjectCodes,periods"
    ),
    "enrollments": (
        "sourcedId,status,dateLastModified,classSourcedId,schoolSourcedId,userSourcedId,role,"
        "primary,beginDate,endDate"
    ),
}
Row = dict[str, str]


@dataclass
class Export:
    """The rows of each file, by their sourcedIds."""

    files: dict[str, dict[str, Row]] = field(default_factory=lambda: {name: {} for name in HEADERS})
    mode: str = "bulk"
    source: str = "sis"

    def add(self, file: str, sourced_id: str, **values: str) -> None:
        """Add a row, or replace the one of that id."""
        self.files[file][sourced_id] = {"sourcedId": sourced_id, **values}

    def org(self) -> None:
        """Add the university."""
        self.add("orgs", "org", name="University", type="district")

    def term(
        self, sourced_id: str = "t1", first: str = "2026-03-01", last: str = "2026-06-30"
    ) -> None:
        """Add a term."""
        self.add(
            "academicSessions",
            sourced_id,
            title=f"Term {sourced_id}",
            type="term",
            startDate=first,
            endDate=last,
            schoolYear="2026",
        )

    def user(self, sourced_id: str, role: str = "student", **more: str) -> None:
        """Add a user with one role."""
        values = {
            "enabledUser": "true",
            "username": f"name-{sourced_id}",
            "givenName": "Given",
            "familyName": sourced_id,
            "email": f"{sourced_id}@university.example.edu",
        }
        self.add("users", sourced_id, **values | more)
        self.role(sourced_id, role)

    def role(self, user: str, role: str, kind: str = "primary") -> None:
        """Give a user a role."""
        self.add(
            "roles",
            f"role-{user}-{role}",
            userSourcedId=user,
            roleType=kind,
            role=role,
            orgSourcedId="org",
        )

    def course(self, sourced_id: str, **more: str) -> None:
        """Add a course."""
        values = {"title": f"Course {sourced_id}", "courseCode": sourced_id.upper()}
        self.add("courses", sourced_id, orgSourcedId="org", **values | more)

    def class_(self, sourced_id: str, course: str, terms: str = "t1", **more: str) -> None:
        """Add a class."""
        values = {"title": f"Class {sourced_id}", "courseSourcedId": course}
        self.add(
            "classes",
            sourced_id,
            classType="scheduled",
            schoolSourcedId="org",
            termSourcedIds=terms,
            **values | more,
        )

    def enrol(self, class_: str, user: str, role: str = "student") -> None:
        """Put a user into a class."""
        self.add(
            "enrollments",
            f"e-{class_}-{user}-{role}",
            classSourcedId=class_,
            schoolSourcedId="org",
            userSourcedId=user,
            role=role,
        )

    def copy(self) -> "Export":
        """Return one that changes by itself."""
        return deepcopy(self)

    def manifest(self) -> bytes:
        """Return the manifest."""
        modes = [
            (f"file.{name}", self.mode if rows else "absent") for name, rows in self.files.items()
        ]
        rows = [
            ("propertyName", "value"),
            ("manifest.version", "1.0"),
            ("oneroster.version", "1.2"),
            *modes,
            ("source.systemName", "Student records"),
            ("source.systemCode", self.source),
        ]
        return _csv(rows)

    def texts(self) -> dict[str, bytes]:
        """Return the files of the archive by name."""
        texts = {"manifest.csv": self.manifest()}
        for name, rows in self.files.items():
            header = HEADERS[name].split(",")
            lines = [[row.get(column, "") for column in header] for row in rows.values()]
            if rows:
                texts[f"{name}.csv"] = _csv([header, *lines])
        return texts

    def zipped(self) -> bytes:
        """Return the archive."""
        return zipped(self.texts())


def zipped(texts: Mapping[str, bytes]) -> bytes:
    """Return files as an archive."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in texts.items():
            archive.writestr(name, text)
    return content.getvalue()


def _csv(rows: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()
