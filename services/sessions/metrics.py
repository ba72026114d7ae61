"""The metrics of sessions alone."""

from prometheus_client import Counter, Gauge, Histogram

from services.sessions.domain.enums import AttendanceStatus
from services.sessions.ports_counts import Happening

ATTENDANCE = Counter(
    "tandem_sessions_attendance",
    "Learners of ended classes, by final attendance status: present, partial, absent.",
    ["verdict"],
)
SEAT_OFFERS = Counter(
    "tandem_sessions_seat_offers",
    "Offers of seats: offered, and how they ended: taken, declined, expired, withdrawn.",
    ["event"],
)
for event in ("offered", "taken", "declined", "expired", "withdrawn"):
    SEAT_OFFERS.labels(event)  # creates the series with zero
for status in (AttendanceStatus.PRESENT, AttendanceStatus.PARTIAL, AttendanceStatus.ABSENT):
    ATTENDANCE.labels(status.lower())  # creates the series with zero

TIMETABLES = Counter(
    "tandem_sessions_timetables",
    "Timetables that a solver is done with: solved, failed, applied, or refused because something"
    " has changed.",
    ["state"],
)
for end in ("SOLVED", "FAILED", "APPLIED", "REFUSED"):
    TIMETABLES.labels(end)

MEETINGS = Counter(
    "tandem_sessions_meetings",
    "Steps of online meetings: made, ended; refused by the provider, its server away, all servers"
    " full, and late: not there shortly before the class.",
    ["outcome"],
)
for outcome in ("made", "ended", "refused", "away", "full", "late"):
    MEETINGS.labels(outcome)
WEBHOOKS = Counter(
    "tandem_sessions_webhooks",
    "Deliveries of meeting providers: taken, unsigned or not understood, of no known meeting.",
    ["outcome"],
)
for outcome in ("taken", "refused", "unknown"):
    WEBHOOKS.labels(outcome)
RECORDING_COPIES = Counter(
    "tandem_sessions_recording_copies",
    "Recordings of meeting servers that became part of a session's recording (attached), were"
    " taken back because the server has them no more (withdrawn), or are not in the library"
    " (refused); and single files of them (file_refused).",
    ["outcome"],
)
for outcome in ("attached", "withdrawn", "refused", "file_refused"):
    RECORDING_COPIES.labels(outcome)
RECORDING_BYTES = Counter(
    "tandem_sessions_recording_bytes", "Bytes of recordings that were copied into the library."
)
RECORDING_OLDEST = Gauge(
    "tandem_sessions_recording_oldest_seconds",
    "How long the oldest recording of a meeting server has waited to be copied or opened, by the"
    " application's clock.",
)
# Questions, polls, feedback, check-in.
QUESTIONS = Counter(
    "tandem_sessions_questions",
    "Questions: asked live, in between, at a second of a recording; answered first live or in"
    " words; merged into others; carried over, because a class ended without an answer.",
    ["event"],
)
POLLS = Counter(
    "tandem_sessions_polls",
    "Polls in classes: opened, closed; and learners who voted in one.",
    ["event"],
)
FEEDBACK = Counter(
    "tandem_sessions_feedback",
    "Answers of learners about classes: given; shown; held back at the end, as fewer than five were"
    " left.",
    ["event"],
)
CHECK_INS = Counter(
    "tandem_sessions_check_ins",
    "Check-ins by the code in the room: accepted; refused with a code that was shown in the ten"
    " minutes before; refused with another one.",
    ["event"],
)
HELP = Counter(
    "tandem_sessions_help_invitations",
    "Invitations of learners who fall behind to help sessions: invited, and how they ended: taken,"
    " declined, lapsed, withdrawn.",
    ["event"],
)
COUNTERS = {
    "questions": QUESTIONS,
    "polls": POLLS,
    "feedback": FEEDBACK,
    "check_ins": CHECK_INS,
    "help": HELP,
}
for happening in Happening:
    metric, label = happening.split(".")
    COUNTERS[metric].labels(label)  # creates the series with zero
OLDEST_QUESTION = Gauge(
    "tandem_sessions_oldest_question_seconds",
    "For how long the oldest question on the agenda of a class to come has been open, by the"
    " application's clock.",
)
OLDEST_NOTE = Gauge(
    "tandem_sessions_oldest_note_seconds",
    "Age of the oldest note by which the worker puts questions on agendas, counts their votes, or"
    " invites learners to help sessions.",
    ["notes"],
)
for notes in ("agendas", "votes", "help"):
    OLDEST_NOTE.labels(notes)
# The live channel.
LIVE_MEMBERS = Gauge("tandem_sessions_live_members", "Streams of members that are open now.")
LIVE_CLASSES = Gauge("tandem_sessions_live_classes", "Classes that have members here now.")
LIVE_ENTRIES = Counter("tandem_sessions_live_entries", "Entries of classes that came in here.")
LIVE_LAG = Histogram(
    "tandem_sessions_live_lag_seconds",
    "Seconds from when a replica has a message to when a member's connection takes it.",
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
LIVE_ENDED = Counter(
    "tandem_sessions_live_ended",
    "Streams that the platform ended, by reason: class_over, behind, stopping, expired,"
    " not_allowed.",
    ["reason"],
)
for reason in ("class_over", "behind", "stopping", "expired", "not_allowed"):
    LIVE_ENDED.labels(reason)
LIVE_REFUSED = Counter(
    "tandem_sessions_live_refused",
    "Messages of members that were refused, by status code.",
    ["code"],
)
for code in ("INVALID_ARGUMENT", "RESOURCE_EXHAUSTED", "UNAVAILABLE"):
    LIVE_REFUSED.labels(code)
LIVE_EXCHANGE = Gauge(
    "tandem_sessions_live_exchange",
    "1 while RabbitMQ carries news between replicas; else they hear each other within a second.",
)
