"""An example of each event: what a class of Monday, 2 March 2026, in Dublin may have caused.

An example has every field but those that are absent as a rule. The same object has the same id in
all of them.
"""

import hashlib
from typing import Any

from event_contracts import DURATION, TIMESTAMP, Contracts, EventType, Field, Part
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Proto

SOURCE_OF = "/tandem/{}"
EVENT_ID = "0195a3f0-7c00-7000-8000-00000000e7e1"
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
START, END, NOW = "2026-03-02T09:00:00Z", "2026-03-02T09:50:00Z", "2026-03-02T10:05:21.250Z"
LATER_START, LATER_END = "2026-03-02T14:00:00Z", "2026-03-02T14:50:00Z"
DUE, LATER_DUE = "2026-03-09T23:59:00Z", "2026-03-11T23:59:00Z"
LEARNER, TEACHER = "s-1042", "t-17"
HOUR, DAY, WEEK = "3600s", "86400s", "604800s"
ABSENT = None


def body(event: EventType, contracts: Contracts) -> dict[str, Any]:
    """Return an example of an event's body."""
    return _message(event, contracts, event.name)


def headers(event: EventType, body: dict[str, Any]) -> dict[str, str]:
    """Return the headers of the event with an example's body."""
    attributes = {
        "specversion": "1.0",
        "id": EVENT_ID,
        "type": event.type,
        "source": SOURCE_OF.format(event.service),
        "time": NOW.replace("Z", "000Z"),
        "subject": body[event.subject],
        "partitionkey": ":".join(body[name] for name in event.partition_key),
        **({} if event.option.without_sequence else {"sequence": f"{7:020d}"}),
        "traceparent": TRACEPARENT,
    }
    return {f"cloudEvents_{name}": value for name, value in attributes.items()}


def _message(message: Part, contracts: Contracts, at: str) -> dict[str, Any]:
    found = {field.name: _value(message, field, contracts, at) for field in message.fields}
    return {name: value for name, value in found.items() if value is not ABSENT}


def _value(message: Part, field: Field, contracts: Contracts, at: str) -> Any:
    name = field.proto.name
    for known in (f"{at}.{name}", f"{message.name}.{name}", name):
        if known in _VALUES:
            return _VALUES[known]
    if "absent" in field.comment:
        return ABSENT
    value = _usual(field, contracts, f"{at}.{name}")
    return [value] if field.is_list else value


def _usual(field: Field, contracts: Contracts, at: str) -> Any:
    name = field.proto.name
    if field.part in contracts.enums:
        return list(contracts.enums[field.part].values)[1]
    if field.part:
        return _message(contracts.parts[field.part], contracts, at)
    if field.proto.type_name:
        return {TIMESTAMP: NOW, DURATION: HOUR}[field.proto.type_name]
    if field.names_people:
        return TEACHER if "instructor" in name or name.endswith("_by") else LEARNER
    if field.proto.type == Proto.TYPE_BOOL:
        return True
    if name.endswith(("_id", "_ids")):
        return _id(name.removesuffix("s").removesuffix("_id"))
    raise SystemExit(f"event_examples.py has no value for {at}")


def _id(of: str) -> str:
    """Return the id of the example's only object of a kind."""
    return f"0195a3f0-7c00-7000-8000-{hashlib.sha256(of.encode()).hexdigest()[:12]}"


# By a field's name, or its message's and its own.
_VALUES: dict[str, Any] = {
    "Absence.end_date": "2026-03-20",
    "Absence.start_date": "2026-03-16",
    "Activity.cmi5": ABSENT,
    "Activity.deadline": {"civil": {"date": "2026-03-09", "time": "23:59"}},
    "Activity.id": "waves-1",
    "Activity.item_id": ABSENT,
    "Activity.kind": "ACTIVITY_KIND_SESSION",
    "Activity.opens_when": ABSENT,
    "Activity.optional": ABSENT,
    "Activity.requires": ["waves-reading"],
    "AttendanceAmended.attended": ABSENT,
    "AttendanceAmended.from_verdict": "ATTENDANCE_VERDICT_ABSENT",
    "AttendanceAmended.reason": "The recording was watched.",
    "AttendanceAmended.to_verdict": "ATTENDANCE_VERDICT_CAUGHT_UP",
    "AttendanceCorrected.attended": ABSENT,
    "AttendanceCorrected.from_verdict": "ATTENDANCE_VERDICT_ABSENT",
    "AttendanceCorrected.reason": "A medical certificate was shown.",
    "AttendanceCorrected.to_verdict": "ATTENDANCE_VERDICT_EXCUSED",
    "AvailabilityChanged.person_id": TEACHER,
    "BehindReason.limit": 2,
    "BehindReason.value": 3,
    "CalendarEntry.cancelled": ABSENT,
    "CalendarEntry.exdates": ABSENT,
    "CalendarEntry.last": ABSENT,
    "CalendarEntry.location": "B 2.07",
    "CalendarEntry.rdates": ABSENT,
    "CalendarEntry.recurrence_id": "2026-03-02T09:00:00",
    "CalendarEntry.revision": 1,
    "CalendarEntry.rrule": ABSENT,
    "CalendarEntry.stamp": NOW,
    "CalendarEntry.start_time": LATER_START,
    "CalendarEntry.starts": {"local": "2026-03-02T14:00:00", "zone": "Europe/Dublin"},
    "CalendarEntry.uid": _id("series"),
    "CalendarEntry.zone": "Europe/Dublin",
    "CatchUpChanged.reason": "More time after an illness.",
    "CatchUpWithdrawn.reason": "The topic was covered in the tutorial.",
    "CivilTime.local": "2026-03-02T09:00:00",
    "CourseUpdated.title": "Physics for engineers",
    "DueChange.cause_activity_id": ABSENT,
    "DueExtended.reason": "More time after an illness.",
    "EnrolmentModeChanged.to_mode": "ATTENDANCE_MODE_ONLINE",
    "FullWeek.budget": "28800s",
    "FullWeek.planned": "30600s",
    "FullWeek.start": "2026-03-02T00:00:00Z",
    "GroupChanged.name": "Monday group",
    "ItemAvailable.kind": "ITEM_KIND_RECORDING",
    "ItemFailed.kind": "ITEM_KIND_RECORDING",
    "ItemFailed.reason": "The file is no film: no frame of it can be decoded.",
    "ItemRetired.reason": "A newer edition has taken its place.",
    "ItemUploaded.kind": "ITEM_KIND_RECORDING",
    "MeetingFailed.reason": "No server has room.",
    "MessageDelivered.category": "CATEGORY_SESSION",
    "MessageFailed.category": "CATEGORY_SESSION",
    "MessageFailed.channel": "CHANNEL_EMAIL",
    "MessageFailed.reason": "550 5.1.1 no such user: ada@example.edu",
    "MovedOccurrence.recurrence_id": "2026-03-09T09:00:00",
    "ProcessingFailed.kind": "ITEM_KIND_RECORDING",
    "ProcessingFailed.reason": "The film has no sound.",
    "QuestionAsked.asked_in": _id("session"),
    "QuestionCarriedOver.also_asked_by": ["s-1077"],
    "QuestionCarriedOver.from_session_id": _id("former session"),
    "QuestionWithdrawn.hidden_by": ABSENT,
    "RecordingWithdrawn.parts": ABSENT,
    "RecordingAttached.parts": [
        {
            "itemId": _id("item"),
            "stretches": [{"startsAt": "30s", "length": "2940s"}],
            "transcriptItemId": _id("transcript_item"),
            "captions": [{"itemId": _id("captions"), "language": "en"}],
        }
    ],
    "RecordingWithdrawn.reason": "A private talk was recorded.",
    "RenditionAvailable.kind": "ITEM_KIND_RECORDING",
    "RenditionAvailable.media_type": "audio/mp4",
    "RunClosed.run.closed_at": NOW,
    "RunClosed.run.state": "RUN_STATE_CLOSED",
    "RunFacts.closed_at": ABSENT,
    "RunFacts.title": "Physics for engineers, spring",
    "RunOpened.title": "Physics for engineers, spring",
    "RunPolicy.catch_up_slack": DAY,
    "RunPolicy.catch_up_within": WEEK,
    "RunPolicy.due_notice": DAY,
    "RunPolicy.evidence_within": WEEK,
    "RunPolicy.feedback_within": DAY,
    "RunPolicy.keep_recordings": "15552000s",
    "RunPolicy.late_catch_ups": "LATE_CATCH_UPS_SINCE",
    "RunPolicy.seat_offer_notice": DAY,
    "SeatOffered.offered_by": ABSENT,
    "SeatOffered.reason": ABSENT,
    "SeatPromoted.from_kind": "SEAT_KIND_ONLINE",
    "SeatSwapped.from_title": "Waves 1, Thursday group",
    "SeatTaken.from_kind": "SEAT_KIND_ONLINE",
    "SettledAttendance.attended": [{"start": 390, "end": 3000}],
    "SettledAttendance.verdict": "ATTENDANCE_VERDICT_PARTIAL",
    "StaffMember.person_id": TEACHER,
    "StaffMember.role": "STAFF_ROLE_TEACHER",
    "Statement.id": _id("statement"),
    "TeachingWindow.end": "12:00",
    "TeachingWindow.start": "09:00",
    "TimetableFailed.reason": "12 lectures need a laboratory, and there is none on Mondays.",
    "activity_id": "waves-1",
    "activity_ids": ["waves-2"],
    "added_at": ABSENT,
    "after_failure": ABSENT,
    "answer": "Because the medium does not move with the wave.",
    "answer_by": LATER_START,
    "answered_question_id": ABSENT,
    "answers": 24,
    "clarity": [1, 2, 4, 9, 8],
    "client_id": "player",
    "closed_at": NOW,
    "code": "PHY-101",
    "cost": "1840",
    "counts": [31, 12],
    "course_code": "PHY-101",
    "due": DUE,
    "duration": "3000s",
    "email": "ada@example.edu",
    "end": 3000,
    "end_date": "2026-05-22",
    "end_time": END,
    "ended_at": END,
    "event_type": "tandem.sessions.session.cancelled.v1",
    "exdates": ["2026-03-16T09:00:00"],
    "expired": ABSENT,
    "expires_at": LATER_START,
    "family_name": "Example",
    "from_start_time": START,
    "from_title": "Waves 1",
    "given_name": "Ada",
    "holds": "SEAT_KIND_ONLINE",
    "holidays": ["2026-03-17"],
    "invitation": ABSENT,
    "join_url": "https://meet.example.edu/waves-1",
    "language": "en",
    "late_catch_ups_since": "2026-03-02",
    "length": 3000,
    "media_type": "video/mp4",
    "merged_into": _id("other_question"),
    "minutes": 43.5,
    "missing": 2,
    "name": "Spring timetable",
    "new_due": LATER_DUE,
    "new_end_time": LATER_END,
    "new_instructor_id": TEACHER,
    "new_room": "B 2.07",
    "new_start_time": LATER_START,
    "new_starts": {"local": "2026-03-02T14:00:00", "zone": "Europe/Dublin"},
    "not_before": ABSENT,
    "offset_seconds": 1250.5,
    "old_due": DUE,
    "old_end_time": END,
    "old_room": "A 1.04",
    "old_start_time": START,
    "options": ["transverse", "longitudinal"],
    "other_end_time": END,
    "other_start_time": START,
    "other_title": "Optics 1",
    "pace": [0, 3, 15, 5, 1],
    "part": 1,
    "partial_share": 0.5,
    "parts": 1,
    "path_version": 3,
    "placed": 118,
    "played_segments": "0[.]300[,]420[.]1800",
    "poll_id": _id("poll"),
    "present_share": 0.8,
    "question": "Why does a wave carry energy but no matter?",
    "rdates": ["2026-03-19T09:00:00"],
    "reason": "The projector is broken.",
    "recurrence_id": "2026-03-02T09:00:00",
    "rendition": "audio",
    "replaced_by": ABSENT,
    "replaces_item_id": ABSENT,
    "right": [1],
    "room": "A 1.04",
    "rrule": "FREQ=WEEKLY;BYDAY=MO;COUNT=12",
    "seat_cutoff": HOUR,
    "seconds": 3000,
    "session_title": "Waves 1",
    "sha256": hashlib.sha256(b"").hexdigest(),
    "size": "734003200",
    "split_from": ABSENT,
    "start": 2100,
    "start_date": "2026-03-02",
    "start_time": START,
    "started_at": START,
    "starts_at_offset": "30s",
    "term": "2026 spring",
    "time": 1800,
    "time_from": 420,
    "time_to": 1800,
    "title": "Waves 1",
    "until": LATER_DUE,
    "usefulness": [0, 1, 3, 10, 10],
    "usual_due": ABSENT,
    "verb": "https://w3id.org/xapi/video/verbs/played",
    "version": 3,
    "voters": 43,
    "votes": 17,
    "waited": ABSENT,
    "was_missed": ABSENT,
    "watched_share": 0.8,
    "weekday": 1,
    "zone": "Europe/Dublin",
}
