"""Loading what is known of what notices tell of."""

from collections.abc import Collection

from services.notify.domain.enums import Kind
from services.notify.domain.fall_news import Fall
from services.notify.domain.path_news import DueDigest
from services.notify.domain.people import CatchUp, Due, Question, Run, SeatOffer, Series
from services.notify.domain.standing import Known, Told
from services.notify.ports import Store


def known_of(store: Store, told: Collection[Told]) -> Known:
    """Return the newest that is known of what notices tell of."""
    about = [each.about for each in told if each.about is not None]
    moved = {each.series_id for each in about if each.kind is Kind.SERIES_MOVED}
    series = store.replicas(Series, moved)
    classes = {id_ for each in series.values() for id_ in each.ends}
    return Known(
        store.sessions({each.session_id for each in about if each.session_id}),
        store.replicas(CatchUp, {each.catch_up_id for each in about if each.catch_up_id}),
        store.replicas(Run, {each.run_id for each in told if each.about and each.run_id}),
        store.replicas(Due, {each.due_id for each in about if each.due_id}),
        series,
        store.replicas(SeatOffer, {each.offer_id for each in about if each.offer_id}),
        store.replicas(DueDigest, {each.enrolment_id for each in about if each.enrolment_id}),
        store.replicas(
            Question,
            {each.question_id for each in about if each.question_id}
            | {id_ for each in about if each.kind is Kind.QUESTIONS_WAITING for id_ in each.listed},
        ),
        store.replicas(
            Fall,
            {each.fall_id for each in about if each.fall_id}
            | {
                id_
                for each in about
                if each.kind is Kind.LEARNERS_FELL_BEHIND
                for id_ in each.listed
            },
        ),
        store.cancelled(classes),
    )
