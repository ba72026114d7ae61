"""The worker's timers for questions: agendas and votes, as notes ask for them.

A timer's run does only some of the work, so that the worker can stop. A run or question that fails
stops no other. Whoever is killed leaves the notes, and the next does their work again.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from chassis.data.store import Database
from services.sessions import metrics
from services.sessions.alone import each_alone, fails_alone
from services.sessions.ports_questions import AgendaNote
from services.sessions.store import SessionsStore
from services.sessions.store_counts import NOTE_COLLECTIONS
from services.sessions.usecases import agendas

RUNS = 25
"""Runs whose agendas one run of the timer looks at."""
NOTES = 1_000
"""Notes of one run that are done together."""
QUESTIONS = 500
"""Questions whose votes one run of the timer counts: about two seconds' work."""


def place_questions(database: Database[SessionsStore]) -> None:
    """Put open questions on the agendas of the classes that come next."""
    runs = database.reader().noted_agendas(RUNS)
    for run_id in runs:
        with fails_alone("a run's questions can't be put on agendas", run_id=run_id):
            _place(database, run_id)


def count_votes(database: Database[SessionsStore]) -> None:
    """Count the votes of questions, each question once."""
    voted = database.reader().noted_votes(QUESTIONS)
    counts = (partial(agendas.count_votes, question_id=each) for each in voted)
    each_alone("a question's votes can't be counted", database, counts)


def watch(database: Database[SessionsStore]) -> None:
    """Report for how long the oldest question, and the oldest note, have waited."""
    reader = database.reader()
    metrics.OLDEST_QUESTION.set(reader.oldest_question().total_seconds())
    for kind in NOTE_COLLECTIONS:
        metrics.OLDEST_NOTE.labels(kind).set(reader.oldest_note(kind).total_seconds())


def _place(database: Database[SessionsStore], run_id: str) -> None:
    """Do what a run's notes ask for, in units of work, and then delete these notes. Notes that come
    meanwhile stay: their changes may have come too late to be seen.
    """
    notes = database.reader().agenda_notes(run_id, NOTES)
    for work in _units(run_id, notes):
        while after := database.transact(work):
            work = partial(agendas.place_next, run_id=run_id, after=after)
    database.transact(lambda store: store.drop_agenda_notes(notes))


def _units(run_id: str, notes: Sequence[AgendaNote]) -> Iterator[Callable[[SessionsStore], str]]:
    """Yield the first units of work for some notes, each of which returns the question after which
    it goes on: the whole run, or if classes have not changed, single questions.
    """
    if any(not each.question_id for each in notes):
        yield partial(agendas.place_next, run_id=run_id, after="")
        return
    ids = [each.question_id for each in notes]
    for place in range(0, len(ids), agendas.MOST):
        some = ids[place : place + agendas.MOST]
        yield partial(agendas.place_some, run_id=run_id, question_ids=some)
