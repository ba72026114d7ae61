"""A class, its meeting and its people, as the tests of all providers use them."""

from datetime import UTC, datetime, timedelta

from services.sessions.domain.meetings import Attendee, MeetingPlan

START = datetime(2026, 11, 30, 9, tzinfo=UTC)
PLAN = MeetingPlan(
    session_id="0190a6ad-9f3e",
    title="Lecture: lenses",
    start_time=START,
    duration=timedelta(minutes=50),
    most_participants=30,
    recorded=True,
    webhook_url="",
)
ADA = Attendee(person_id="ada", name="Ada Lovelace")
GRACE = Attendee(person_id="grace", name="Grace Hopper", is_host=True)
