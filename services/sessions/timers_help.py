"""The timer that invites learners who fall behind to help sessions."""

from functools import partial

from chassis.data.store import Database
from services.sessions.alone import fails_alone
from services.sessions.store import SessionsStore
from services.sessions.usecases import help_invitations

RUNS = 25
"""Runs in one turn of the timer."""


def invite_to_help(database: Database[SessionsStore]) -> None:
    """Invite learners who wait, in units of work. A run that fails stops no other."""
    for run_id in database.reader().runs_to_help(RUNS):
        invite = partial(help_invitations.invite_waiting, run_id=run_id)
        with fails_alone("learners can't be invited to help sessions", run_id=run_id):
            while database.transact(invite):
                pass
