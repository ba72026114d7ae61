"""What the LRS sets on a statement that it accepts (xAPI 1.0.3, part 2, section 2.4)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from services.progress.domain.xapi.versions import Version

# Section 2.4.10: a statement without a version is of 1.0.0.
_VERSIONS = {Version.V1_0_3: "1.0.0", Version.V2_0_0: "2.0.0"}


def with_server_fields(
    statement: Mapping[str, Any],
    *,
    id_: str,
    stored: datetime,
    authority: Mapping[str, Any],
    version: Version,
) -> dict[str, Any]:
    """Return a valid statement with all that the LRS sets, and leave the given one as it is.

    id, timestamp and version are set where they are missing; a missing timestamp becomes that of
    `stored`, an instant of any zone, to the millisecond. stored and authority are the LRS's own.
    contextActivities are arrays, as the LRS must return them (section 2.4.6.2).
    """
    stored_text = timestamp_text(stored)
    return {
        "id": id_,
        "timestamp": stored_text,
        "version": _VERSIONS[version],
        **_with_arrays(statement),
        "stored": stored_text,
        "authority": authority,
    }


@lru_cache(16)
def timestamp_text(instant: datetime) -> str:
    """Return an instant as a timestamp in UTC, to the millisecond, such as
    2026-03-02T08:00:00.000Z.
    """
    in_utc = instant.astimezone(UTC).replace(tzinfo=None)
    return f"{in_utc.isoformat(timespec='milliseconds')}Z"


def _with_arrays(statement: Mapping[str, Any]) -> Mapping[str, Any]:
    changed = dict(statement)
    if statement["object"].get("objectType") == "SubStatement":
        changed["object"] = _with_arrays(statement["object"])
    activities = statement.get("context", {}).get("contextActivities")
    if activities:
        arrays = {
            kind: some if isinstance(some, list) else [some] for kind, some in activities.items()
        }
        changed["context"] = {**statement["context"], "contextActivities": arrays}
    return changed
