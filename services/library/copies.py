"""Copies of catalog's data that can be compared with the originals."""

from collections.abc import Mapping

from chassis.resync.digests import Digested, plain

COPIES: Mapping[str, Digested] = {
    "staff": Digested("staff", {"staff": plain("staff")}),
    "places": Digested("enrolments", {"state": plain("state")}),
}
