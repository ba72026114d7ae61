"""What it costs to seal the archive: packing a segment whose events have names and texts, beside
one whose events have none; and the keys of a university.
"""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

from tandem.sessions.v1.events_pb2 import QuestionAsked, QuestionVoted

from bench import rig
from bench.figures import Figure, beside, told
from chassis import ids
from chassis.archive import sealing, segments
from chassis.archive.keys import COLLECTION, KeyStore
from chassis.archive.layout import Span
from chassis.archive.segments import Piece
from chassis.contracts import events
from chassis.contracts.events import Event
from chassis.data.store import connect
from chassis.messaging.history import Message

COUNT, ROUNDS, PEOPLE = 20_000, 3, 100_000
TEXT = "Why is the sky blue at noon and red at sunset, and what has that to do with lasers?"
DATABASE = "bench_sealing"


def measure() -> Iterator[Figure]:
    """Events a second that become a segment; then keys of people."""
    for share, name in ((10, "one event in ten is sealed"), (1, "each event is sealed")):
        some, none = _piece(share), _piece(0)
        yield beside(
            f"sealing: segments in which {name}, beside none",
            "events/s",
            None,
            ROUNDS,
            partial(_packed, some),
            partial(_packed, none),
        )
    yield from _keys()


def _packed(piece: Piece) -> float:
    """Pack a segment with keys that are there; return events a second."""
    keys = dict.fromkeys(sealing.people_in(piece.messages), b"k" * sealing.PERSON_KEY)
    start = time.perf_counter()
    sealing.people_in(piece.messages)
    segments.pack(piece, keys)
    return COUNT / (time.perf_counter() - start)


def _keys() -> Iterator[Figure]:
    mongo = connect(rig.environment()["TANDEM_MONGO_URL"], "bench")
    mongo.drop_database(DATABASE)
    keys, people = KeyStore(mongo[DATABASE]), [ids.new_id() for _ in range(PEOPLE)]
    for name in ("made", "read"):
        start = time.perf_counter()
        keys.make(people)
        rate = PEOPLE / (time.perf_counter() - start)
        yield told(f"sealing: keys {name}", rate, "people/s")
    size = mongo[DATABASE].command("collStats", COLLECTION)
    stored = size["storageSize"] + size["totalIndexSize"]
    yield told("sealing: a person's key on the disk", stored / PEOPLE, "bytes")
    mongo.drop_database(DATABASE)


def _piece(share: int) -> Piece:
    """A segment in which one event of `share` is sealed (0: none)."""
    messages = [_message(number, bool(share) and number % share == 0) for number in range(COUNT)]
    return Piece(Span(0, COUNT - 1), messages, ())


def _message(number: int, personal: bool) -> Message:
    asker, question = f"p{number % 1_000:06d}", f"q{number:06d}"
    at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    asked = QuestionAsked(question_id=question, run_id="r", asker_id=asker, question=TEXT)
    voted = QuestionVoted(question_id=question, run_id="r")
    data = asked if personal else voted
    subject, key = events.subject_and_key(data)
    type_ = events.event_type(type(data))
    event = Event(ids.new_id(), type_, "/tandem/sessions", at, subject, key, 1, "", data)
    body = events.body_of(data)
    if not personal:  # as long as the other one
        body = json.dumps({**json.loads(body), "padding": TEXT}).encode()
    return Message(number, events.headers_of(event), body, events.CONTENT_TYPE)
