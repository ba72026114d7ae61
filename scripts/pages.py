"""Write the generated parts of docs/architecture.md, docs/operators.md and docs/privacy.md from the
code.

Usage: pages.py [FOLDER]   (FOLDER defaults to docs)

A part stands between `<!-- generated: NAME -->` and `<!-- end -->`; everything else is written by
hand and stays.
"""

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from campus.architecture import Service, Setting, publisher_of, services
from campus.holdings import all_holdings
from chassis.operations.settings import ALL_ROLES
from chassis.privacy.holdings import Deleted, Disposal, Kept

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGES = ("architecture.md", "operators.md", "privacy.md")
_PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
# What stands outside of Tandem, as a page calls it.
OUTSIDE = {
    "mongodb": "MongoDB",
    "rabbitmq": "RabbitMQ",
    "s3": "S3 store",
    "smtp": "mail server",
    "identity": "identity provider",
    "otlp": "trace collector",
    "search": "OpenSearch",
    "sms": "SMS gateway",
    "push": "push services",
}


def filled(page: Path) -> str:
    """Return the page with new generated parts. Raises KeyError for an unknown part."""
    return _PART.sub(lambda part: f"{part[1]}{PARTS[part[2]]()}\n{part[3]}", page.read_text())


def reach_table() -> str:
    """Return a table of the connections that each role opens."""
    every = services().values()
    roles = [role for role in ALL_ROLES if any(role in each.roles for each in every)]
    ends = dict.fromkeys((*OUTSIDE, *services()))
    found = {(role, end): _who_reaches(role, end) for role in roles for end in ends}
    reached = [end for end in ends if any(found[role, end] for role in roles)]
    return _table(
        ("role", *(OUTSIDE.get(end, f"{end}'s api") for end in reached)),
        [(f"**{role}**", *(found[role, end] for end in reached)) for role in roles],
    )


def _who_reaches(role: str, end: str) -> str:
    """Return the services whose `role` connects to `end`; "all" if all with the role do."""
    having = [each for each in services().values() if role in each.roles]
    names = [each.name for each in having if end in each.reached_by(role)]
    return "all" if len(names) == len(having) else ", ".join(names)


def events_picture() -> str:
    """Return a graph of the events from services to subscriptions."""
    lines = ["flowchart LR"]
    lines += [f'    {name}(["{name}"])' for name in services()]
    for queue, publishers in _queues():
        node = queue.replace(".", "_")
        lines.append(f'    {node}["{queue}"] --> {queue.partition(".")[0]}')
        lines += [f"    {publisher} --> {node}" for publisher in publishers]
    return _mermaid(lines)


def subscriptions_table() -> str:
    """Return a table of every queue and the events that it is bound to."""
    rows = [
        (f"`{each.name}`", service.name, "<br>".join(f"`{key}`" for key in each.routing_keys))
        for service in services().values()
        for each in service.subscriptions
    ]
    return _table(("queue", "applied by", "events"), rows)


def services_table() -> str:
    """Return a table of every service: RPCs, events, subscriptions."""
    rows = [
        (
            f"[{service.name}](../services/{service.name}/README.md)",
            ", ".join(service.servers),
            f"`{service.contract}`: " + ", ".join(service.methods),
            "<br>".join(f"`{event}`" for event in service.events),
        )
        for service in services().values()
    ]
    return _table(("service", "roles that run", "RPCs", "events that it publishes"), rows)


def settings_table() -> str:
    """Return tables of every service's settings; settings that all services share appear once."""
    every = list(services().values())
    names = dict.fromkeys(each.variable for service in every for each in service.settings)
    return _table(
        ("setting", "services", "roles", "default", "meaning"),
        [_setting_row(name, every) for name in names],
    )


def _setting_row(name: str, every: Sequence[Service]) -> tuple[str, ...]:
    found = {
        service.name: each
        for service in every
        for each in service.settings
        if each.variable == name and each.roles
    }
    who = "all" if len(found) == len(every) else ", ".join(found)
    roles = [role for role in ALL_ROLES if any(role in each.roles for each in found.values())]
    one = next(iter(found.values()))
    return (f"`{name}`", who, ", ".join(roles), _default(one), _meaning(one))


def _default(each: Setting) -> str:
    if each.required:
        return "**required**"
    if isinstance(each.default, timedelta):
        return f"{each.default.total_seconds():g}"
    shown = "" if each.default == Path() else str(each.default)
    return f"`{shown}`" if shown else "empty"


def _meaning(each: Setting) -> str:
    doc = each.doc.replace("<", "&lt;")
    return f"{doc} (secret)" if each.secret else doc


def holdings_table() -> str:
    """Return a table of what all services hold of people, and what an erasure does to it."""
    rows = [
        (service, f"`{each.collection}`", each.kind, each.what, _disposal(each.disposal))
        for service, each in all_holdings()
    ]
    return _table(("service", "collection", "kind", "what", "an erasure"), rows)


def _disposal(disposal: Disposal) -> str:
    if isinstance(disposal, Kept):
        return f"keeps it: {disposal.why}"
    return "deletes it" if isinstance(disposal, Deleted) else "takes it out of the record"


def _queues() -> Iterator[tuple[str, list[str]]]:
    for service in services().values():
        for each in service.subscriptions:
            yield each.name, sorted(set(map(publisher_of, each.routing_keys)))


def _mermaid(lines: Iterable[str]) -> str:
    return "\n".join(("```mermaid", *lines, "```"))


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


PARTS: Mapping[str, Callable[[], str]] = {
    "reach": reach_table,
    "events": events_picture,
    "subscriptions": subscriptions_table,
    "services": services_table,
    "settings": settings_table,
    "holdings": holdings_table,
}


def main(folder: Path) -> None:
    """Write every page."""
    for name in PAGES:
        page = folder / name
        page.write_text(filled(page))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else DOCS)
