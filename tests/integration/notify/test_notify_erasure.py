"""What waits at notify for others is without an erased person's name; an export has no secrets."""

import json
from typing import Any

from tandem.catalog.v1 import events_pb2 as catalog

from chassis.clock import SystemClock
from chassis.jobs.runner import Runner
from chassis.privacy.erasing import Request, request
from chassis.privacy.export import records
from services.notify import privacy
from tests.integration.notify.hooks import Hooks
from tests.integration.notify.receivers import Receiver
from tests.integration.notify.world import World


def _named(person_id: str) -> catalog.PersonUpserted:
    return catalog.PersonUpserted(person_id=person_id, given_name=f"Name of {person_id}")


def test_webhooks_do_not_tell_of_who_was_erased(hooks: Hooks, receiver: Receiver) -> None:
    """The event comes, so that its receiver sees no gap, but without what is personal; others stay
    whole, and a sweep that finds nothing changes nothing.
    """
    hooks.create(receiver)
    told = hooks.tell(_named("p"), _named("q"), hooks.world.assigned("p"))
    asked = Request("p", hooks.world.clock.now())
    hooks.database.transact(lambda store: request(store, asked))
    for _ in range(2):
        Runner(hooks.database, privacy.jobs(), SystemClock()).run_due()
    hooks.send()
    events: dict[str, Any] = {each["id"]: each["data"] for each in receiver.got}
    assert events.keys() == set(told)
    assert events[told[0]] == {"personId": "p"}
    assert events[told[1]] == {"personId": "q", "givenName": "Name of q"}
    assert events[told[2]]["learnerId"] == "p"
    (row,) = hooks.database.mongo["erasures"].find()
    assert row["done"] == {"webhook deliveries": 1}


def test_an_export_tells_devices_without_their_secrets(world: World) -> None:
    """A browser by its push service, a phone by its number: not the address at which anybody could
    send to the browser, nor its keys, nor what confirms the number.
    """
    subscription = {"endpoint": "https://push.example/s3cret", "p256dh": "k" * 87, "auth": "a" * 22}
    world.browser("p", subscription)
    world.telephone("p", "+353851234567")
    mongo = world.database.mongo
    mongo["devices"].update_many({}, {"$set": {"code_id": "s3cret", "tries": 1}})
    told = [row for kind, row in records(mongo, privacy.HOLDINGS, "p") if kind == "devices"]
    browser, phone = sorted((json.loads(each) for each in told), key=lambda each: each["channel"])
    assert browser["push_service"] == "push.example"
    assert phone["number"] == "+353851234567"
    assert "s3cret" not in "".join(told)
    assert browser.keys() | phone.keys() == {
        "_id", "channel", "label", "number", "registered_at", "confirmed_at", "push_service",
    }  # fmt: skip
