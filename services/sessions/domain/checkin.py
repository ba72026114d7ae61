"""Check-in codes: six digits, shown in the room, new every half minute.

TOTP (RFC 6238) with SHA-256, its default step of 30 seconds (section 5.2) and six digits by the
truncation of RFC 4226, section 5.3, from a secret of the session. The code before the present one
holds as well, for a learner who reads it just before it changes (RFC 6238, section 5.2): so a code
holds for 30 seconds at least after it was read, and for a minute at most.
"""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from chassis.errors import FailedPrecondition, FieldViolation, Invalid
from services.sessions.domain.enums import SeatKind, SessionState
from services.sessions.domain.seats import Seat, may_take
from services.sessions.domain.session import Session, expect

STEP = timedelta(seconds=30)
DIGITS = 6
# Steps before the present one whose codes count as old: ten minutes.
OLD_STEPS = 20
# Two of a million codes are valid at a time: ten guesses find one of them once in 50,000 sessions.
TRIES = 10


@dataclass(frozen=True, slots=True)
class CheckIn:
    """Check a learner in by the code that is shown in the room."""

    session_id: str
    learner_id: str
    code: str


@dataclass(frozen=True, slots=True)
class CheckedIn:
    """The learner is checked in."""

    checked_in_at: datetime


@dataclass(frozen=True, slots=True)
class WrongCode:
    """The code is not valid. This is a result, not an exception, because the try must be
    counted.
    """

    left: int
    """Tries that are left."""
    is_old: bool = False
    """Whether the room showed it some minutes ago."""


def code_at(session: Session, instant: datetime) -> str:
    """Return the code that the room shows at an instant."""
    return _code(bytes.fromhex(session.check_in_secret), _step(instant))


def shown_until(instant: datetime) -> datetime:
    """Return when the room shows another code than at an instant."""
    return datetime.fromtimestamp((_step(instant) + 1) * STEP.total_seconds(), UTC)


def holds(session: Session, code: str, now: datetime) -> bool:
    """Return whether a code is the present one or the one before, compared in constant time."""
    return _is_of(session, code, now, range(2))


def is_old(session: Session, code: str, now: datetime) -> bool:
    """Return whether a code that holds no more was shown in the last ten minutes."""
    return _is_of(session, code, now, range(2, OLD_STEPS + 1))


def expect_entitled(session: Session, seat: Seat, enrolled: bool, tries: int) -> None:
    """Raise FailedPrecondition unless the learner may check in to the session now.

    The learner needs a place in the run, and a seat in the room or a free seat there.
    """
    expect(session, "checked in to", SessionState.LIVE)
    if not enrolled or not (seat.kind is SeatKind.IN_ROOM or may_take(session, seat)):
        place = "a place" if enrolled else "no place"
        wrong = f"the learner has {place} in the run, and the seat {seat.kind or 'none'}"
        right = "a place in the run, and a seat IN_ROOM, chosen by ChooseSeat, or a free seat"
        raise FailedPrecondition(
            "no seat in the room", [FieldViolation("learner_id", wrong, right)]
        )
    if tries >= TRIES:
        wrong = f"{tries} wrong codes came from this learner"
        right = "the instructor can mark the learner as there (RecordPresence)"
        raise FailedPrecondition("too many wrong codes", [FieldViolation("code", wrong, right)])


def accepted(outcome: CheckedIn | WrongCode) -> CheckedIn:
    """Return the check-in. Raises Invalid for a wrong code."""
    if isinstance(outcome, WrongCode):
        wrong = "is shown no more" if outcome.is_old else "is not the session's code"
        right = f"the six digits that the room shows now; {outcome.left} tries are left"
        raise Invalid([FieldViolation("code", wrong, right)])
    return outcome


def hotp(secret: bytes, counter: int, digits: int, hash_name: str) -> str:
    """Return an HMAC-based one-time password (RFC 4226, section 5.3)."""
    digest = hmac.digest(secret, counter.to_bytes(8, "big"), hash_name)
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**digits:0{digits}d}"


def _is_of(session: Session, code: str, now: datetime, ago: Iterable[int]) -> bool:
    """Return whether a code is one of those so many steps ago."""
    given = code.strip().encode()
    secret, step = bytes.fromhex(session.check_in_secret), _step(now)
    same = [hmac.compare_digest(given, _code(secret, step - one).encode()) for one in ago]
    return any(same)


def _code(secret: bytes, counter: int) -> str:
    return hotp(secret, counter, DIGITS, "sha256")


def _step(instant: datetime) -> int:
    return int(instant.timestamp() // STEP.total_seconds())
