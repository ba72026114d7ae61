"""Sunday evening: the roster of history, from the student records system as OneRoster CSV."""

from collections.abc import Iterable, Iterator
from datetime import timedelta

from tandem.catalog.v1 import catalog_pb2, imports_pb2

from campus.demo import term
from campus.demo.check import Check
from campus.demo.errors import DemoError
from campus.demo.term import HISTORY
from campus.demo.world import MONDAY, World
from campus.oneroster.command import bring, request_of
from campus.oneroster.export import Export
from campus.oneroster.importer import Importer

_TOLD = ("added", "changed", "removed", "refused", "unchanged", "linked")


def play(world: World) -> None:
    """Show what the import of the roster would change, import it, and find its run."""
    world.narrator.say(
        f"The student records system exports {HISTORY} as OneRoster CSV. A dry run tells what the "
        "import would change:"
    )
    for line in _table(_import(world, dry_run=True)):
        world.narrator.detail(line)
    done = _import(world, dry_run=False)
    if done.state != imports_pb2.IMPORT_STATE_DONE:
        raise DemoError(f"the roster was not imported: {done.reason}")
    runs = world.staff.catalog.ListRuns(catalog_pb2.ListRunsRequest()).runs
    world.runs[HISTORY] = next(run.id for run in runs if run.external_ids)
    request = catalog_pb2.UpdateRunRequest(run_id=world.runs[HISTORY], policy=term.policy())
    world.staff.catalog.UpdateRun(request)
    people = next(each for each in done.counts if each.file == "users.csv")
    world.narrator.say(
        f"It is imported: {HISTORY} opens in the room. Of its learners and its instructor "
        f"{people.added} are new, and {people.linked} are here already."
    )


def _import(world: World, dry_run: bool) -> imports_pb2.Import:
    content = archive()
    request = request_of(
        content, dry_run=dry_run, source="", sections="runs", subject="sourced_id",
        delivery="synchronous", mode="classroom", zone=term.ZONE, language="en", share=0.1,
    )  # fmt: skip
    return bring(Importer(world.staff.catalog), request, content, confirm=False, quiet=True)


def archive() -> bytes:
    """Return the ZIP archive: history with its learners and its instructor, in one term."""
    export, teacher = Export(source="student-records"), term.instructor(HISTORY)
    export.org()
    export.term("term", str(MONDAY - timedelta(days=1)), str(term.last_day(MONDAY)))
    export.course("history", title=term.TITLES[HISTORY], courseCode=HISTORY)
    export.class_("history-term", "history", "term", title=term.TITLES[HISTORY])
    for name, role in [
        *((one, "student") for one in term.LEARNERS_OF[HISTORY]),
        (teacher, "teacher"),
    ]:
        given, _, family = name.partition("-")
        more = {"givenName": given.capitalize(), "familyName": family}
        export.user(name, role, email=term.address(name), **more)
        export.enrol("history-term", name, role)
    return export.zipped()


def _table(checked: imports_pb2.Import) -> Iterator[str]:
    """Yield a line for each file: its rows by what becomes of them."""
    for each in checked.counts:
        counts = {name: getattr(each, name) for name in _TOLD}
        parts = (f"{count} {name}" for name, count in counts.items() if count)
        yield f"{each.file:<22}{', '.join(parts)}"


def check(world: World) -> Iterator[Check]:
    """Yield the checks of the import: who is in the run, and that nothing is left to import."""
    rows = world.staff.catalog.ListEnrolments(
        catalog_pb2.ListEnrolmentsRequest(run_id=world.runs[HISTORY], page_size=1000)
    ).enrolments
    wanted = {*term.LEARNERS_OF[HISTORY], term.LATE_JOINER}
    yield Check("the roster's learners are in HIST-210", wanted, {row.learner_id for row in rows})
    again = _import(world, dry_run=True)
    yield Check("the same roster would change nothing", {}, _changes(again.counts))


def _changes(counts: Iterable[imports_pb2.FileCounts]) -> dict[str, int]:
    changes = {each.file: each.added + each.changed + each.removed for each in counts}
    return {file: count for file, count in changes.items() if count}
