"""The metrics of sessions alone."""

from prometheus_client import Counter

from services.sessions.domain.enums import AttendanceStatus

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
