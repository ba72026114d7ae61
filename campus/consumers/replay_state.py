"""The state of a replay; pure functions."""

import json
from dataclasses import dataclass, replace
from datetime import datetime

from chassis.archive.layout import Span


@dataclass(frozen=True)
class State:
    """Which events a replay sends, and how far it is."""

    since: datetime
    until: datetime
    """It sends events that were made in [since, until), by the system's clock."""
    is_bounded: bool = True
    """Whether `until` was asked for; else it is when the replay was begun."""
    place: int | None = None
    """The offset at which it goes on."""
    sent: int = 0
    unreadable: int = 0
    """Messages that are no events, so that no pattern fits them."""
    missing: tuple[Span, ...] = ()
    """Offsets that neither the history nor the archive has."""
    done: bool = False

    def passed(self, offset: int, sent: int = 0, unreadable: int = 0) -> "State":
        """Return the state after a message of the history."""
        return replace(
            self,
            place=offset + 1,
            sent=self.sent + sent,
            unreadable=self.unreadable + unreadable,
        )

    def missed(self, span: Span) -> "State":
        """Return the state after offsets that nobody has."""
        return replace(self, place=span.last + 1, missing=(*self.missing, span))


def write(state: State) -> bytes:
    """Return the state as JSON."""
    facts = {
        "since": state.since.isoformat(),
        "until": state.until.isoformat(),
        "is_bounded": state.is_bounded,
        "place": state.place,
        "sent": state.sent,
        "unreadable": state.unreadable,
        "missing": [list(span) for span in state.missing],
        "done": state.done,
    }
    return json.dumps(facts).encode()


def read(body: bytes) -> State:
    """Return the state that `write` wrote."""
    facts = json.loads(body)
    return State(
        since=datetime.fromisoformat(facts["since"]),
        until=datetime.fromisoformat(facts["until"]),
        is_bounded=facts["is_bounded"],
        place=facts["place"],
        sent=facts["sent"],
        unreadable=facts["unreadable"],
        missing=tuple(Span(*span) for span in facts["missing"]),
        done=facts["done"],
    )
