"""Who waits for an invitation to a help session, and what ends the wait."""

from itertools import permutations

import pytest
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.sessions.v1 import events_pb2, sessions_pb2
from tandem.types.v1 import types_pb2

from services.sessions.timers_help import invite_to_help
from tests.integration.sessions.help_desk import (
    CLASSROOM,
    DECLINED,
    INVITED,
    TAKEN,
    WITHDRAWN,
    answer,
    desk,
    fall,
    fell,
    noon,
    recover,
    recovered,
    states,
    told,
)
from tests.integration.sessions.school import RUN, School


def test_who_is_not_behind_any_more_is_not_invited(school: School) -> None:
    """An invitation without an answer is taken back, and goes to the next; a wait ends; a seat that
    was taken stays.
    """
    school.enrol("ada", "bob", "cyd", "dan", mode=CLASSROOM)
    session = desk(school, kind=types_pb2.SESSION_KIND_IN_ROOM, join_url="")
    fall(school, "ada", "bob", "cyd", "dan")
    answer(school, session, "bob", take=True)
    recover(school, "cyd")
    recover(school, "ada", "bob")
    assert states(school, session) == {"ada": WITHDRAWN, "bob": TAKEN, "dan": INVITED}
    ended = school.published(events_pb2.SeatOfferEnded)
    assert (ended[-1].learner_id, ended[-1].outcome) == (
        "ada",
        events_pb2.SEAT_OFFER_OUTCOME_WITHDRAWN,
    )
    fall(school, "ada", days=-1)
    answer(school, session, "dan", take=False)
    assert states(school, session) == {"ada": INVITED, "bob": TAKEN, "dan": DECLINED}


def test_who_waits_is_invited_when_a_session_is_planned(school: School) -> None:
    """Those who are behind for longest come first, as many as there are places."""
    school.enrol("ada", "bob", "cyd", mode=CLASSROOM)
    fall(school, "ada")
    fall(school, "bob", days=3)
    fall(school, "cyd", days=2)
    assert told(school) == []
    session = desk(school, kind=types_pb2.SESSION_KIND_IN_ROOM, join_url="")
    invite_to_help(school.database)
    assert told(school) == [("bob", session.id), ("cyd", session.id)]


def test_a_cancelled_or_moved_session_invites_anew(school: School) -> None:
    """Who had taken a seat in the cancelled one, or was asked for the old time, waits again."""
    school.enrol("ada", "bob", mode=CLASSROOM)
    session = desk(school, 3)
    fall(school, "ada", "bob")
    answer(school, session, "ada", take=True)
    move = sessions_pb2.MoveSessionRequest(session_id=session.id, starts=noon(4))
    school.staff.MoveSession(move)
    invite_to_help(school.database)
    assert told(school) == [(each, session.id) for each in ("ada", "bob", "bob")]
    other = desk(school, 9)
    cancel = sessions_pb2.CancelSessionRequest(session_id=session.id, reason="ill")
    school.staff.CancelSession(cancel)
    invite_to_help(school.database)
    assert states(school, session) == {"ada": WITHDRAWN, "bob": WITHDRAWN}
    assert states(school, other) == {"ada": INVITED, "bob": INVITED}


def test_who_leaves_is_not_invited(school: School) -> None:
    """A withdrawal takes the invitation back and ends the wait; so does the end of the run."""
    school.enrol("ada", "bob", "cyd", mode=CLASSROOM)
    session = desk(school, kind=types_pb2.SESSION_KIND_IN_ROOM, join_url="")
    fall(school, "ada", "bob", "cyd")

    def leave(learner: str) -> None:
        left = catalog.EnrolmentWithdrawn(run_id=RUN, learner_id=learner)
        school.hear("rosters", left)
        invite_to_help(school.database)

    leave("cyd")
    leave("ada")
    assert states(school, session) == {"ada": WITHDRAWN, "bob": INVITED}
    school.enrol("dan", mode=CLASSROOM)
    school.hear("falling_behind", *fell(school, "dan"))
    facts = catalog.RunFacts(run_id=RUN, instructor_ids=["curie"])
    facts.closed_at.CopyFrom(school.at())
    school.hear("rosters", catalog.RunClosed(run_id=RUN, run=facts))
    invite_to_help(school.database)
    assert states(school, session) == {"ada": WITHDRAWN, "bob": INVITED}
    assert school.database.mongo["help_turns"].count_documents({}) == 0


@pytest.mark.parametrize("order", permutations(range(3)))
def test_news_in_any_order_end_alike(school: School, order: tuple[int, ...]) -> None:
    """Behind, not behind, behind again: the newest counts, and the learner has one invitation."""
    school.enrol("ada", mode=CLASSROOM)
    session = desk(school)
    news = (*fell(school, "ada", days=5), recovered(school, "ada"), *fell(school, "ada"))
    for place in order:
        school.hear("falling_behind", news[place], sequences=[90 + place])
        invite_to_help(school.database)
    assert states(school, session) == {"ada": INVITED}
    assert school.get(session).in_room == 1
    [row] = school.database.mongo["falls"].find()
    assert (row["sequence"], row["state"]) == (92, "INVITED")
