"""What only sessions measures."""

from prometheus_client import Counter

from services.sessions.domain.words import AttendanceVerdict

ATTENDANCE = Counter(
    "tandem_sessions_attendance",
    "Learners of classes that ended, by what their attendance was settled as: present, partial, "
    "absent.",
    ["verdict"],
)
for verdict in (AttendanceVerdict.PRESENT, AttendanceVerdict.PARTIAL, AttendanceVerdict.ABSENT):
    ATTENDANCE.labels(verdict.lower())  # zero is a figure, too
