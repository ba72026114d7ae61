"""Reading a course structure of cmi5 (section 13): the assignable units, as activities of a path.

A path has no blocks: the units stand in it in the order of the file, with those of inner blocks at
their place.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urljoin, urlsplit
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from tandem.catalog.v1.resources_pb2 import Activity, AssignableUnit
from tandem.types.v1 import types_pb2

from chassis.errors import FieldViolation, Invalid, check

LARGEST = 10_000_000
"""Bytes of a file."""
NAMESPACES = (
    "https://w3id.org/xapi/profiles/cmi5/v1/CourseStructure.xsd",
    "http://www.adlnet.gov/cmi5/CourseStructure.xsd",
)
"""Of the specification; the second is what its longer examples have."""
WHOLE = ("http://", "https://")
METHODS: Mapping[str, "types_pb2.LaunchMethod.ValueType"] = {
    "AnyWindow": types_pb2.LAUNCH_METHOD_ANY_WINDOW,
    "OwnWindow": types_pb2.LAUNCH_METHOD_OWN_WINDOW,
}
MOVE_ON: Mapping[str, "types_pb2.MoveOn.ValueType"] = {
    "Passed": types_pb2.MOVE_ON_PASSED,
    "Completed": types_pb2.MOVE_ON_COMPLETED,
    "CompletedAndPassed": types_pb2.MOVE_ON_COMPLETED_AND_PASSED,
    "CompletedOrPassed": types_pb2.MOVE_ON_COMPLETED_OR_PASSED,
    "NotApplicable": types_pb2.MOVE_ON_NOT_APPLICABLE,
}
JUDGED = {types_pb2.MOVE_ON_PASSED, types_pb2.MOVE_ON_COMPLETED_AND_PASSED}
LONGEST_TITLE = 300


def activities_of(text: bytes, base_url: str = "") -> list[Activity]:
    """Return the units of a course structure as activities, whose ids are au-1, au-2 and so on.

    `base_url`: the folder at which the files of the package stand, to which relative URLs of units
    are made whole (section 14.1); empty: all must be whole (section 14.2). A unit that must be
    passed, or has a mastery score, is a CHECKPOINT; others are ITEMs. Raises Invalid with every
    fault.
    """
    check(_base_faults(base_url))
    root = _root(text)
    space = root.tag.removesuffix("courseStructure")
    units = list(root.iter(f"{space}au"))
    urls = [_url(_text(unit, "url", space), base_url) for unit in units]
    check(_faults(root, units, urls, space))
    pairs = zip(units, urls, strict=True)
    return [_activity(unit, url, place, space) for place, (unit, url) in enumerate(pairs, 1)]


def _base_faults(base_url: str) -> Iterator[FieldViolation]:
    if base_url and not _is_folder(base_url):
        wrong = f"is {base_url[:100]!r}"
        yield FieldViolation("base_url", wrong, "a URL of http or https without query and fragment")


def _is_folder(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:  # such as an address with one bracket
        return False
    is_whole = parts.scheme in ("http", "https") and bool(parts.hostname)
    return is_whole and not parts.query and not parts.fragment


def _url(told: str, base_url: str) -> str:
    """Return the whole URL of a unit; empty if it has none, or one outside of the package."""
    if told.startswith(WHOLE):
        return told
    folder = f"{base_url.rstrip('/')}/"
    try:
        found = urljoin(folder, told) if base_url and told else ""
    except ValueError:
        return ""
    return found if found.startswith(folder) else ""


def _root(text: bytes) -> Element:
    if len(text) > LARGEST:
        raise _invalid("file", f"has {len(text):,} bytes", f"at most {LARGEST:,}")
    try:
        root: Element = fromstring(text, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise _invalid("file", f"can't be read: {error}", "XML without a DTD") from error
    if root.tag not in [f"{{{each}}}courseStructure" for each in NAMESPACES]:
        raise _invalid("file", f"has the root {root.tag[:200]}", f"courseStructure of {NAMESPACES}")
    return root


def _invalid(field: str, wrong: str, right: str) -> Invalid:
    return Invalid([FieldViolation(field, wrong, right)])


def _faults(
    root: Element, units: Sequence[Element], urls: Sequence[str], space: str
) -> Iterator[FieldViolation]:
    if not units:
        yield FieldViolation("file", "has no au", "at least one")
    if root.find(f"{space}course") is None:
        yield FieldViolation("file", "has no course", "one")
    times = Counter(_attribute(unit, "id") for unit in units)
    for place, (unit, url) in enumerate(zip(units, urls, strict=True), 1):
        yield from _unit_faults(unit, url, f"au {place}", space)
        if times[_attribute(unit, "id")] > 1:
            yield FieldViolation(f"au {place}.id", "is another's, too", "an id of its own")


def _unit_faults(unit: Element, url: str, field: str, space: str) -> Iterator[FieldViolation]:
    if not _attribute(unit, "id"):
        yield FieldViolation(f"{field}.id", "is missing", "an IRI")
    if not _title(unit, space):
        yield FieldViolation(f"{field}.title", "is missing", "a langstring")
    if not url:
        wrong = f"is {_text(unit, 'url', space)[:100]!r}"
        right = "a whole URL of http or https, or with a base URL a path below it (section 14)"
        yield FieldViolation(f"{field}.url", wrong, right)
    for name, values in (("launchMethod", METHODS), ("moveOn", MOVE_ON)):
        told = _attribute(unit, name)
        if told and told not in values:
            yield FieldViolation(f"{field}.{name}", f"is {told[:50]!r}", f"one of {list(values)}")
    if _attribute(unit, "masteryScore") and _score(unit) is None:
        wrong = f"is {_attribute(unit, 'masteryScore')[:50]!r}"
        yield FieldViolation(f"{field}.masteryScore", wrong, "a number from 0 to 1")


def _activity(unit: Element, url: str, place: int, space: str) -> Activity:
    move_on = MOVE_ON[_attribute(unit, "moveOn") or "NotApplicable"]
    score = _score(unit)
    is_judged = score is not None or move_on in JUDGED
    return Activity(
        id=f"au-{place}",
        title=_title(unit, space)[:LONGEST_TITLE],
        kind=types_pb2.ACTIVITY_KIND_CHECKPOINT if is_judged else types_pb2.ACTIVITY_KIND_ITEM,
        cmi5=AssignableUnit(
            publisher_id=_attribute(unit, "id"),
            url=url,
            launch_method=METHODS[_attribute(unit, "launchMethod") or "AnyWindow"],
            move_on=move_on,
            mastery_score=score,
            launch_parameters=_text(unit, "launchParameters", space),
            entitlement_key=_text(unit, "entitlementKey", space),
        ),
    )


def _attribute(unit: Element, name: str) -> str:
    return unit.get(name, "").strip()


def _text(unit: Element, name: str, space: str) -> str:
    return (unit.findtext(f"{space}{name}") or "").strip()


def _title(unit: Element, space: str) -> str:
    """Return the title in the language that stands first."""
    return (unit.findtext(f"{space}title/{space}langstring") or "").strip()


def _score(unit: Element) -> float | None:
    """Return the mastery score; None if there is none, or if it is no number from 0 to 1."""
    try:
        found = float(_attribute(unit, "masteryScore"))
    except ValueError:
        return None
    return found if math.isfinite(found) and 0 <= found <= 1 else None
