"""Sunday evening: rooms, live classes, seats."""

from collections.abc import Iterator
from datetime import timedelta

import grpc
from tandem.sessions.v1 import resources_pb2, sessions_pb2
from tandem.types.v1 import types_pb2

from campus.demo import term
from campus.demo.check import Check
from campus.demo.term import HISTORY, PHYSICS
from campus.demo.world import MONDAY, World


def play(world: World) -> None:
    """Schedule the classes, and let learners choose their seats."""
    world.narrator.scene("Sunday evening: the timetable")
    _rooms(world)
    world.until("the runs to be known to sessions", lambda: _plan_lecture(world))
    _plan_term(world)
    _conflict(world)
    _plan_seminar(world, "14:00")
    world.narrator.say("HIST-210 gets the Aula at 14:00 instead.")
    _choose_seats(world)
    _change_of_mind(world)
    world.narrator.events(world.tally.new_events())


def _rooms(world: World) -> None:
    world.rooms["Aula"] = world.staff.sessions.CreateRoom(term.room()).id


def _plan_lecture(world: World) -> bool:
    """Schedule the lecture; return False while sessions does not know the run or instructor yet."""
    request = term.lecture(world.runs[PHYSICS], world.rooms["Aula"], MONDAY, join_url="")

    def plan() -> None:
        world.sessions[PHYSICS] = world.staff.sessions.ScheduleSession(request).id

    if not world.is_taken(plan):
        return False
    world.narrator.say(
        f"PHYS-101 gets the Aula on Monday at 09:00: {term.ROOM_SEATS} seats in the room, and "
        "online."
    )
    return True


def _plan_term(world: World) -> None:
    next_monday = MONDAY + timedelta(weeks=1)
    request = term.lectures(world.runs[PHYSICS], world.rooms["Aula"], next_monday)
    series = world.staff.sessions.ScheduleSeries(request)
    world.series[PHYSICS] = series.id
    world.narrator.say(
        f"PHYS-101 gets the Aula on {len(series.occurrences)} more Mondays at 09:00, before and "
        "after the clocks change."
    )


def _conflict(world: World) -> None:
    world.narrator.say("HIST-210 requests the Aula at 09:30.")
    try:
        _plan_seminar(world, "09:30")
    except grpc.RpcError as error:
        world.narrator.refused(str(error.details()))


def _plan_seminar(world: World, clock: str) -> None:
    request = term.seminar(world.runs[HISTORY], world.rooms["Aula"], MONDAY, clock)
    world.sessions[HISTORY] = world.staff.sessions.ScheduleSession(request).id


def _choose_seats(world: World) -> None:
    wishes = term.seats()
    world.until("the learners to be known to sessions", lambda: _seated(world, *wishes[-1]))
    seats = world.all_at_once(lambda wish: choose(world, *wish), wishes)
    by_kind = {kind: {s.learner_id for s in seats if s.kind == kind} for kind in _KINDS}
    world.groups["in_room"] = by_kind[types_pb2.SEAT_KIND_IN_ROOM]
    world.groups["waiting"] = by_kind[types_pb2.SEAT_KIND_WAITLISTED]
    world.narrator.say(
        f"{len(wishes)} learners choose seats at once: {len(world.groups['in_room'])} in the room, "
        f"{len(by_kind[types_pb2.SEAT_KIND_ONLINE])} online, "
        f"{len(world.groups['waiting'])} on the waiting list."
    )


_KINDS = (
    types_pb2.SEAT_KIND_IN_ROOM,
    types_pb2.SEAT_KIND_ONLINE,
    types_pb2.SEAT_KIND_WAITLISTED,
)


def choose(world: World, learner: str, kind: "types_pb2.SeatKind.ValueType") -> resources_pb2.Seat:
    """Choose a seat of the lecture on behalf of a learner."""
    return world.as_learner(learner).sessions.ChooseSeat(
        sessions_pb2.ChooseSeatRequest(
            session_id=world.sessions[PHYSICS], learner_id=learner, kind=kind
        )
    )


def _seated(world: World, learner: str, kind: "types_pb2.SeatKind.ValueType") -> bool:
    """Choose a seat; return False while sessions does not know the learner's enrolment yet."""
    return world.is_taken(lambda: choose(world, learner, kind))


def _change_of_mind(world: World) -> None:
    (learner,) = world.pick(world.groups["in_room"], 1)
    world.waiting_list = [
        name for name, kind in seats(world).items() if kind == types_pb2.SEAT_KIND_WAITLISTED
    ]
    choose(world, learner, types_pb2.SEAT_KIND_ONLINE)
    world.until("the promotion", lambda: world.tally.count("sessions.seat.promoted") == 1)
    kinds = seats(world)
    room = {name for name, kind in kinds.items() if kind == types_pb2.SEAT_KIND_IN_ROOM}
    (promoted,) = room - world.groups["in_room"]
    world.groups |= {"in_room": room, "waiting": world.groups["waiting"] - {promoted}}
    world.groups |= {"online": world.groups["online"] | {learner}, "changed": {learner}}
    world.narrator.say(f"{learner} changes to online. {promoted} gets the seat, and a message.")


def check(world: World) -> Iterator[Check]:
    """Yield the check of the lectures of the term."""
    series = world.staff.sessions.GetSeries(
        sessions_pb2.GetSeriesRequest(series_id=world.series[PHYSICS])
    )
    yield Check(
        "the lectures of the term are at 09:00, in winter and in summer",
        [("09:00:00", 9)] * 3 + [("09:00:00", 8)] * 7,
        [
            (each.starts.local[11:], each.start_time.ToDatetime().hour)
            for each in series.occurrences
        ],
    )


def seats(world: World) -> dict[str, "types_pb2.SeatKind.ValueType"]:
    """Return each learner's kind of seat in the lecture; those who wait come in their order."""
    answer = world.staff.sessions.ListSeats(
        sessions_pb2.ListSeatsRequest(session_id=world.sessions[PHYSICS], page_size=1000)
    )
    return {seat.learner_id: seat.kind for seat in answer.seats}
