"""`tandem demo`: starts its own platform, plays a Monday, checks the result, stops the platform."""

import json
import os
import random
import shutil
import sys
from collections import Counter
from datetime import UTC
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from campus import queues
from campus.client import Campus
from campus.connection import DATA, MONITORING
from campus.demo import (
    afterwards,
    cancellation,
    checks,
    falling_behind,
    friday,
    help_session,
    late_sync,
    lecture,
    morning,
    offline,
    questions,
    recording,
    renditions,
    report,
    statistics,
    study,
    sunday,
    timetable,
    tutorials,
    watching,
    week,
)
from campus.demo.check import Check
from campus.demo.deliveries import wait_for
from campus.demo.given import refuse_what_is_used
from campus.demo.narrator import Narrator
from campus.demo.tally import Tally
from campus.demo.world import BEGIN, World
from campus.faults import message_of
from campus.outbox_command import states
from campus.output import JSON_OPTION, console, steps
from campus.platform import ROLES, Platform
from chassis.clock import SteeredClock
from chassis.contracts.events import Event
from chassis.messaging import history

SEED = 2026
SCENES = (
    statistics,
    sunday,
    timetable,
    questions,
    falling_behind,
    morning,
    lecture,
    afterwards,
    cancellation,
    recording,
    renditions,
    offline,
    week,
    help_session,
    study,
    watching,
    tutorials,
    friday,
    late_sync,
)


@click.command()
@click.option("--keep", is_flag=True, help="Leave the platform of the demo running.")
@MONITORING
@DATA
@JSON_OPTION
def demo(keep: bool, folder: Path, as_json: bool, monitoring: bool) -> None:
    """Play a Monday at a university on the real platform, and check the result."""
    path = folder / "demo-report.json"
    path.unlink(missing_ok=True)
    try:
        found = _whole_day(folder / "demo", keep, as_json, monitoring)
    except Exception as error:
        broken = message_of(error) or repr(error)
        report.write(path, [Check("the demo runs to its end", "no error", broken)])
        raise
    report.write(path, found)
    if as_json:
        click.echo(json.dumps(json.loads(path.read_text()), indent=2))
    else:
        console.print(f"[dim]The checks are in {path}.[/]")
    sys.exit(0 if all(row.ok for row in found) else 1)


def _whole_day(place: Path, keep: bool, as_json: bool, monitoring: bool) -> list[Check]:
    """Start a platform, play and check the day on it, and stop it unless `keep` is set."""
    refuse_what_is_used(os.environ)
    platform = _fresh(place)
    try:
        with steps(as_json) as said:
            platform.up(said, monitoring)
        found = _play(platform, place, Console(quiet=True) if as_json else console)
        if monitoring:
            platform.prometheus.scrape_again()
    finally:
        if not keep:
            platform.down()
    return found


def _fresh(folder: Path) -> Platform:
    """Return an empty platform whose clock the demo sets."""
    Platform(folder).down()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    clock = _clock(folder)
    clock.steer(BEGIN.astimezone(UTC))
    extra = {"TANDEM_CLOCK": f"file:{_clock_file(folder)}"}
    return Platform(folder, extra=extra, hosts_meetings=True)


def _clock_file(folder: Path) -> Path:
    return folder.absolute() / "clock.json"


def _clock(folder: Path) -> SteeredClock:
    return SteeredClock(_clock_file(folder))


def _play(platform: Platform, folder: Path, out: Console) -> list[Check]:
    """Play every scene; print and return the checks."""
    amqp_url = platform.environment()["TANDEM_AMQP_URL"]
    clock = _clock(folder)
    campus = Campus(platform)
    try:
        with Tally(amqp_url) as tally:
            narrator = Narrator(out, clock.now)
            world = World(platform, campus, clock, narrator, tally, random.Random(SEED))
            for scene in SCENES:
                scene.play(world)
            _settle(world, platform)
            events = _history(amqp_url)
            found = checks.check(world, platform, events)
        report.show(out, world, found, Counter(event.type for event in events))
    finally:
        campus.close()
    return found


def _settle(world: World, platform: Platform) -> None:
    """Wait until the last mails are sent, and the last events are published and applied."""
    wait_for(world, "the last mails", before=0, count=0)
    environment = platform.environment()
    mongo_url, amqp_url = environment["TANDEM_MONGO_URL"], environment["TANDEM_AMQP_URL"]
    world.until(
        "the outboxes to be empty", lambda: not any(row.waiting for row in states(mongo_url, ROLES))
    )
    world.until(
        "the queues to be empty",
        lambda: not queues.waiting(amqp_url, queues.names()) + queues.delayed(amqp_url),
    )


def _history(amqp_url: str) -> list[Event[Any]]:
    """Return the events of the history stream in its order, without repeated ones."""
    read = (event for _, event in history.read(amqp_url, "first") if isinstance(event, Event))
    return list({event.id: event for event in read}.values())
