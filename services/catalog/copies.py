"""Copies of others' data that can be compared with the originals."""

from collections.abc import Mapping

from chassis.resync.digests import Digested, plain

COPIES: Mapping[str, Digested] = {
    "availability": Digested("availability", {name: plain(name) for name in ("hours", "away")}),
}
