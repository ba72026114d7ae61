"""The rules of OAI-PMH 2.0 (openarchives.org/OAI/openarchivesprotocol.html): what a request asks
for, and what is wrong with it. Sections are those of the protocol.
"""

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.library.domain.enums import Access, ItemKind, ItemState

PREFIX = "oai_dc"
SETS: Mapping[str, ItemKind | None] = {
    "kind": None,
    **{f"kind:{kind.lower()}": kind for kind in ItemKind},
}
"""The sets by their setSpec: all items, and those of each kind."""
SETTLING = timedelta(minutes=3)
"""How long after its change an item's datestamp is (docs/decisions/0031).

It is longer than the longest transaction (MongoDB ends one after 60 to 90 seconds) and the
difference of two clocks (less than 60 seconds, as jobs need it) together.
"""

# What each verb needs, and what it may have (section 4).
_VERBS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "Identify": (frozenset(), frozenset()),
    "ListMetadataFormats": (frozenset(), frozenset({"identifier"})),
    "ListSets": (frozenset(), frozenset({"resumptionToken"})),
    "ListIdentifiers": (
        frozenset({"metadataPrefix"}),
        frozenset({"from", "until", "set", "resumptionToken"}),
    ),
    "ListRecords": (
        frozenset({"metadataPrefix"}),
        frozenset({"from", "until", "set", "resumptionToken"}),
    ),
    "GetRecord": (frozenset({"identifier", "metadataPrefix"}), frozenset()),
}
_TOKEN = "resumptionToken"  # noqa: S105
LONGEST_TOKEN = 1000
# The characters of a metadataPrefix and of each part of a setSpec (OAI-PMH.xsd).
_WORD = r"[A-Za-z0-9\-_.!~*'()]+"
_URI = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]{1,300}")
_DAY, _SECOND = "%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}Z)?", re.ASCII)
_ITEM_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_EPOCH, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
_LATEST = int(_LAST.timestamp() * 1000)


@dataclass(frozen=True, slots=True)
class Fault:
    """An error of section 3.6."""

    code: str
    text: str


class Refused(Exception):
    """A request that OAI-PMH answers with errors."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("; ".join(f"{each.code}: {each.text}" for each in faults))
        self.faults = faults

    @property
    def has_legal_arguments(self) -> bool:
        """Whether the answer may repeat the request's arguments (section 3.2)."""
        return {each.code for each in self.faults}.isdisjoint({"badVerb", "badArgument"})


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page of a list begins: with this item, in the order of changes."""

    changed_at: datetime
    item_id: str


@dataclass(frozen=True, slots=True)
class Selection:
    """Which items a list has (section 2.7). None: no limit."""

    changed_from: datetime | None = None
    changed_before: datetime | None = None
    kind: ItemKind | None = None
    start: Cursor | None = None
    """None: the list begins with its first item."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request whose arguments are legal."""

    verb: str
    arguments: Mapping[str, str]
    selection: Selection = Selection()
    """Of the verbs ListIdentifiers and ListRecords."""
    listing: Mapping[str, str] | None = None
    """The arguments of the list, also where the request has only a resumptionToken."""


def check_verb(arguments: Sequence[tuple[str, str]]) -> str:
    """Return the verb. Raises Refused with badVerb."""
    verbs = [value for name, value in arguments if name == "verb"]
    if len(verbs) != 1:
        wrong = "is missing" if not verbs else f"is there {len(verbs)} times"
        raise Refused(Fault("badVerb", f"the argument verb {wrong}; {_one_of(_VERBS)}"))
    if verbs[0] not in _VERBS:
        raise Refused(Fault("badVerb", f"verb is {_shown(verbs[0])}; {_one_of(_VERBS)}"))
    return verbs[0]


def read_request(verb: str, arguments: Sequence[tuple[str, str]]) -> Request:
    """Return what a request asks for.

    Raises Refused: with a badArgument for each fault, or else with cannotDisseminateFormat,
    badResumptionToken or noRecordsMatch.
    """
    given = [(name, value) for name, value in arguments if name != "verb"]
    if faults := list(_bad_arguments(verb, given)):
        raise Refused(*(Fault("badArgument", text) for text in faults))
    found = dict(given)
    if found.get("metadataPrefix", PREFIX) != PREFIX:
        raise Refused(Fault("cannotDisseminateFormat", f"the only metadataPrefix is {PREFIX}"))
    if _TOKEN in found:
        return _resumed(verb, found)
    return Request(verb, found, _selection(found), found)


def _bad_arguments(verb: str, given: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Yield what is wrong with the arguments of a verb."""
    needs, may = _VERBS[verb]
    names = [name for name, _ in given]
    for name in dict.fromkeys(names):
        if name not in needs | may:
            yield f"{_shown(name)} is no argument of {verb}; {_one_of(needs | may)}"
        elif names.count(name) > 1:
            yield f"{name} is there {names.count(name)} times; wanted: once"
    if _TOKEN in names and _TOKEN in may:
        if len(set(names)) > 1:
            yield f"{_TOKEN} is exclusive; wanted: no other argument but verb"
        return
    for name in sorted(needs.difference(names)):
        yield f"{name} is missing; {verb} needs it"
    yield from _bad_values([(name, value) for name, value in given if name in needs | may])


def _bad_values(given: Sequence[tuple[str, str]]) -> Iterator[str]:
    for name, value in given:
        wanted, is_right = _FORMS[name]
        if not is_right(value):
            yield f"{name} is {_shown(value)}; wanted: {wanted}"
    yield from _bad_span(dict(given))


def _bad_span(given: Mapping[str, str]) -> Iterator[str]:
    since, until = given.get("from", ""), given.get("until", "")
    if not _is_instant(since) or not _is_instant(until):
        return
    if len(since) != len(until):
        yield "from and until differ in granularity; wanted: both days, or both seconds"
    elif since > until:
        yield "from is later than until; wanted: the same, or earlier"


def _is_instant(text: str) -> bool:
    if not _INSTANT.fullmatch(text):
        return False
    try:
        _instant(text)
    except ValueError:
        return False
    return True


def _instant(text: str) -> datetime:
    return datetime.strptime(text, _SECOND if "T" in text else _DAY).replace(tzinfo=UTC)


_DATE_FORM = "a UTC date, 2026-03-02 or 2026-03-02T09:30:00Z", _is_instant
_FORMS: Mapping[str, tuple[str, Callable[[str], object]]] = {
    "from": _DATE_FORM,
    "until": _DATE_FORM,
    "set": ("a setSpec of ListSets", re.compile(rf"{_WORD}(:{_WORD})*").fullmatch),
    "metadataPrefix": (PREFIX, re.compile(_WORD).fullmatch),
    "identifier": ("a URI of up to 300 characters", _URI.fullmatch),
}


def _selection(given: Mapping[str, str], start: Cursor | None = None) -> Selection:
    """Return what arguments of a list select. Raises Refused with noRecordsMatch."""
    if given.get("set", "kind") not in SETS:
        raise Refused(Fault("noRecordsMatch", "there is no such set; ListSets has all"))
    return Selection(
        _changed_at(given["from"], is_end=False) if "from" in given else None,
        _changed_at(given["until"], is_end=True) if "until" in given else None,
        SETS[given.get("set", "kind")],
        start,
    )


def _changed_at(text: str, *, is_end: bool) -> datetime:
    """Return when an item was changed whose datestamp is at the begin or after the end of a
    date.
    """
    at = min(max(_instant(text), _EPOCH), _LAST)
    unit = timedelta(seconds=1) if "T" in text else timedelta(days=1)
    return at + (unit if is_end else timedelta(0)) - SETTLING


def datestamp(changed_at: datetime) -> datetime:
    """Return the datestamp of an item that was changed then, in whole seconds (section 2.7.1)."""
    return (changed_at + SETTLING).replace(microsecond=0)


def changed_before(now: datetime) -> datetime:
    """Return the instant before which items were changed that a list may have now.

    Their datestamps are earlier than the answer's responseDate. All others have the same, or a
    later one. So a harvest from the responseDate continues exactly.
    """
    return now.replace(microsecond=0) - SETTLING


def is_public(state: str, access: str) -> bool:
    """Return whether everybody may know of an item with this state (ItemState) and access (Access).

    Texts will do, as documents have them.
    """
    return state == ItemState.AVAILABLE and access == Access.ALL


def identifier(namespace: str, item_id: str) -> str:
    """Return the identifier of an item (OAI identifier format)."""
    return f"oai:{namespace}:{item_id}"


def item_id_of(namespace: str, text: str) -> str:
    """Return the id of the item that an identifier names. Raises Refused with idDoesNotExist."""
    start, found = identifier(namespace, ""), text.removeprefix(identifier(namespace, ""))
    if not text.startswith(start) or not _ITEM_ID.fullmatch(found):
        raise no_such_item(text)
    return found


def no_such_item(text: str) -> Refused:
    """Return the refusal of an identifier that names no public item."""
    return Refused(Fault("idDoesNotExist", f"{_shown(text)} is no identifier here"))


def no_records() -> Refused:
    """Return the refusal of a list that has no item."""
    return Refused(Fault("noRecordsMatch", "no item is in this set and between these dates"))


def bad_token() -> Refused:
    """Return the refusal of a resumptionToken."""
    return Refused(Fault("badResumptionToken", "it is not from an earlier answer; start over"))


def token(request: Request, start: Cursor) -> str:
    """Return the resumptionToken (section 3.5) with which the list of a request continues.

    It has all that the list needs, so that any replica continues it, at any time.
    """
    milliseconds = round((start.changed_at - _EPOCH) / timedelta(milliseconds=1))
    parts = [request.verb, dict(request.listing or {}), milliseconds, start.item_id]
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


def _resumed(verb: str, given: Mapping[str, str]) -> Request:
    if len(given[_TOKEN]) > LONGEST_TOKEN:
        raise bad_token()
    try:
        parts = json.loads(base64.b64decode(given[_TOKEN], b"-_", validate=True))
    except (ValueError, RecursionError) as error:
        raise bad_token() from error
    if not _is_ours(verb, parts):
        raise bad_token()
    _, listing, milliseconds, item_id = parts
    start = Cursor(_EPOCH + timedelta(milliseconds=milliseconds), item_id)
    return Request(verb, given, _selection(listing, start), listing)


def _is_ours(verb: str, parts: object) -> bool:
    """Return whether the parts of a token are such as `token` writes for this verb."""
    match parts:
        case [str(of), dict(listing), int(at), str(item_id)] if (
            of == verb and 0 <= at < _LATEST and _ITEM_ID.fullmatch(item_id)
        ):
            pairs = list(listing.items())
            return (
                all(isinstance(value, str) for _, value in pairs)
                and _TOKEN not in listing
                and not list(_bad_arguments(verb, pairs))
                and listing.get("metadataPrefix") == PREFIX
                and listing.get("set", "kind") in SETS
            )
    return False


def written(at: datetime) -> str:
    """Return an instant as OAI-PMH writes it (section 3.3)."""
    return at.strftime(_SECOND)


def _one_of(names: Sequence[str] | frozenset[str] | Mapping[str, object]) -> str:
    return f"wanted: {' or '.join(sorted(names)) or 'none'}"


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")
