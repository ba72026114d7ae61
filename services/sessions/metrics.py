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
