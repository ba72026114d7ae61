"""Actors: agents and groups (xAPI 1.0.3, part 2, section 2.4.2; IEEE 9274.1.1, section 4.2.2.1)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chassis.errors import FieldViolation
from services.progress.domain.xapi.checks import (
    array,
    enumerated,
    kinds,
    missing,
    record,
    remembered,
    text,
)
from services.progress.domain.xapi.data_types import irl, mailto, sha1, uri

IDENTIFIERS = ("mbox", "mbox_sha1sum", "openid", "account")
"""The inverse functional identifiers (IFI), section 2.4.2.3."""
_ONE = f"exactly one of {', '.join(IDENTIFIERS)}"


def _is_one(agent: Mapping[str, Any]) -> Sequence[FieldViolation]:
    found = _identifiers(agent)
    return _beyond_the_first(found) if found else [missing(IDENTIFIERS[0], _ONE)]


def _is_one_or_members(group: Mapping[str, Any]) -> Sequence[FieldViolation]:
    found = _identifiers(group)
    if found or group.get("member"):
        return _beyond_the_first(found)
    return [missing("member", "at least one agent, for the group has no identifier")]


def _is_anonymous_pair(group: Mapping[str, Any]) -> Iterator[FieldViolation]:
    """Section 2.4.9: an application and its user, as OAuth authorizes them."""
    for name in _identifiers(group):
        yield FieldViolation(name, "identifies the group", "no identifier in an authority's group")
    members = group.get("member")
    if not isinstance(members, list) or len(members) != 2:
        yield FieldViolation("member", "is not two agents", "an application and its user")


def _beyond_the_first(found: list[str]) -> Sequence[FieldViolation]:
    return [FieldViolation(name, f"is there beside {found[0]}", _ONE) for name in found[1:]]


def _identifiers(actor: Mapping[str, Any]) -> list[str]:
    return [name for name in IDENTIFIERS if name in actor]


account = record({"homePage": irl, "name": text}, required=("homePage", "name"))
_COMMON = {
    "name": text,
    "mbox": mailto,
    "mbox_sha1sum": sha1,
    "openid": uri,
    "account": account,
}
agent = record({"objectType": enumerated("Agent"), **_COMMON}, rule=_is_one)
_GROUP = {"objectType": enumerated("Group"), "member": array(agent), **_COMMON}
group = record(_GROUP, required=("objectType",), rule=_is_one_or_members)
actor = remembered(kinds({"Agent": agent, "Group": group}, default="Agent"))
authority = kinds(
    {"Agent": agent, "Group": record(_GROUP, rule=_is_anonymous_pair)}, default="Agent"
)
