"""Notify's handler of the events of questions."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tandem.sessions.v1 import events_pb2 as sessions
from tandem.sessions.v1 import questions_pb2

from chassis.contracts.events import Event
from chassis.messaging.subscriptions import Wait
from chassis.replicas import upsert_if_newer
from services.notify import triggers
from services.notify.domain.enums import Kind
from services.notify.domain.notices import About, Notice
from services.notify.domain.people import Question, Run
from services.notify.domain.question_news import (
    QuestionDigest,
    WaitingQuestion,
    digest_id,
    shortened,
)
from services.notify.domain.values import QuestionAnswered, QuestionCarriedOver
from services.notify.ports import Texts
from services.notify.store import NotifyStore
from services.notify.usecases.notifications import Addressed, notify
from services.notify.usecases.question_news import collect

Events = Sequence[Event[Any]]
TYPES = (
    sessions.QuestionAsked,
    sessions.QuestionMerged,
    sessions.QuestionAnswered,
    sessions.QuestionCarriedOver,
    sessions.QuestionWithdrawn,
)


def handle(store: NotifyStore, batch: Events, texts: Texts) -> None:
    """Tell askers what became of their questions, and collect what those who teach are told later.
    Events of people or runs that are not known yet wait.
    """
    runs = store.replicas(Run, {event.data.run_id for event in batch})
    if missing := _missing(store, batch, runs):
        raise Wait("events of other services have not arrived yet", missing)
    upsert_if_newer(store, Question, [*_newest(batch)])
    notify(store, texts, [each for event in batch for each in _for_asker(event, runs)])
    collect(store, [each for event in batch for each in _for_teachers(event)])


def _newest(batch: Events) -> Iterator[Question]:
    """Yield what overtakes earlier news of questions; not that another class took one over."""
    for event in batch:
        if _is_left_open(event.data) or not isinstance(event.data, sessions.QuestionCarriedOver):
            yield Question(event.data.question_id, event.sequence)


def _missing(store: NotifyStore, batch: Events, runs: Mapping[str, Run]) -> dict[str, str]:
    """Return why events have to wait, by their ids."""
    people = store.people({each for event in batch for each in _people(event)})
    missing = {}
    for event in batch:
        strangers = [each for each in _people(event) if each not in people]
        if event.data.run_id not in runs:
            missing[event.id] = f"run {event.data.run_id} is not known yet"
        elif strangers:
            missing[event.id] = f"person {strangers[0]} is not known yet"
    return missing


def _people(event: Event[Any]) -> Iterator[str]:
    """Yield whom an event may be told to."""
    yield from _askers(event.data)
    if _is_for_teachers(event):
        yield from event.data.instructor_ids


def _for_asker(event: Event[Any], runs: Mapping[str, Run]) -> Iterator[Addressed]:
    data = event.data
    run = runs[data.run_id].title
    notice = _answered if isinstance(data, sessions.QuestionAnswered) else _carried_over
    for asker_id in _askers(data):
        yield Addressed(notice(event, data, run), asker_id)


def _askers(data: Any) -> Iterator[str]:
    """Yield the askers who are told: of an answer; or that a class left a question open, also those
    of what was merged into it.
    """
    if isinstance(data, sessions.QuestionAnswered):
        yield data.asker_id
    elif _is_left_open(data):
        yield from (data.asker_id, *data.also_asked_by)


def _answered(event: Event[Any], data: sessions.QuestionAnswered, run: str) -> Notice:
    values: QuestionAnswered = {
        "run": run,
        "question": shortened(data.question),
        "answer": data.answer,
        "session": data.session_title,
        "minute": int(max(data.offset_seconds, 0) // 60) + 1,
    }
    kind = Kind.QUESTION_ANSWERED
    return Notice(event.id, event.type, kind, values, About(kind), data.run_id)


def _carried_over(event: Event[Any], data: sessions.QuestionCarriedOver, run: str) -> Notice:
    next_start = triggers.instant(data.start_time) if data.HasField("start_time") else None
    values: QuestionCarriedOver = {
        "run": run,
        "question": shortened(data.question),
        "session": data.from_title,
        "next_session": data.title if next_start else "",
        "next_start_time": next_start,
    }
    kind = Kind.QUESTION_CARRIED_OVER
    about = About(kind, question_id=data.question_id, sequence=event.sequence)
    return Notice(event.id, event.type, kind, values, about, data.run_id)


def _for_teachers(event: Event[Any]) -> Iterator[QuestionDigest]:
    """Yield what each of those who teach is told of an event, later."""
    if not _is_for_teachers(event):
        return
    data = event.data
    left_open = isinstance(data, sessions.QuestionCarriedOver)
    question = WaitingQuestion(
        data.question_id, shortened(data.question), event.sequence, left_open
    )
    for person_id in data.instructor_ids:
        id_ = digest_id(person_id, data.run_id)
        yield QuestionDigest(id_, data.run_id, person_id, event.id, event.type, (question,))


def _is_for_teachers(event: Event[Any]) -> bool:
    """Return whether those who teach do not see it by themselves: what is asked in class they do,
    and what another class takes over, on its agenda.
    """
    data = event.data
    if isinstance(data, sessions.QuestionAsked):
        return data.place != questions_pb2.QUESTION_PLACE_LIVE
    return _is_left_open(data)


def _is_left_open(data: Any) -> bool:
    return isinstance(data, sessions.QuestionCarriedOver) and data.left_open
