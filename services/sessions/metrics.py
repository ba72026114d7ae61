"""What only sessions measures."""

from prometheus_client import Counter

from services.sessions.domain.enums import AttendanceStatus

ATTENDANCE = Counter(
    "tandem_sessions_attendance",
    "Learners of classes that ended, by what their attendance was settled as: present, partial, "
    "absent.",
    ["verdict"],
)
for status in (AttendanceStatus.PRESENT, AttendanceStatus.PARTIAL, AttendanceStatus.ABSENT):
    ATTENDANCE.labels(status.lower())  # zero is a figure, too
