"""What catalog sends in a resync, in this order: who copies enrolments needs their runs first."""

from collections.abc import Sequence

from tandem.catalog.v1 import events_pb2 as events

from chassis.resync.sources import Source
from services.catalog.store import CatalogStore
from services.catalog.usecases import resync

SOURCES: Sequence[Source[CatalogStore]] = (
    Source("people", "people", (events.PersonUpserted,), resync.tell_people),
    # A path may have 255 KiB.
    Source("runs", "runs", (events.RunUpdated, events.PathPublished), resync.tell_runs, page=50),
    Source("groups", "groups", (events.GroupChanged,), resync.tell_groups),
    Source(
        "enrolments",
        "enrolments",
        (
            events.EnrolmentCreated,
            events.EnrolmentWaitlisted,
            events.EnrolmentWithdrawn,
            events.EnrolmentModeChanged,
            events.GroupMemberChanged,
            events.DueExtended,
        ),
        resync.tell_enrolments,
    ),
)
