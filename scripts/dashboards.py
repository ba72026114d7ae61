"""Write deploy/monitoring/dashboards: the platform, the bridge, and a board for each service.

Usage: dashboards.py [FOLDER]   (FOLDER defaults to deploy/monitoring/dashboards)
"""

import json
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from grafana import Board, Number, Panel, Query, Row, Table

from campus.architecture import Service, services, streaming
from chassis.edge.spans import FAULTS

FOLDER = Path(__file__).resolve().parent.parent / "deploy" / "monitoring" / "dashboards"
OURS = 'job=~"(.*/)?tandem"'  # the PodMonitor's name, after the namespace
# What fails by our fault, as the objective of gRPC errors has it.
FAILED = f'code=~"{"|".join(FAULTS)}"'
WHO = "on (job, instance) group_left (service, role) tandem_build_info"
TIMED = ("library", "sessions", "progress", "notify")  # the services that have timers
WORKING = ("catalog", "library", "notify")  # the services that have jobs
QUEUES = f"({'|'.join(each.name for each in services().values() if each.subscriptions)})[.].+"


def rate(counter: str, by: str = "", chosen: str = "") -> str:
    """Return the query for a counter's rate per second."""
    return f"{_sum(by)}(rate({_chosen(counter, chosen)}[$__rate_interval]))"


def quantile(share: float, histogram: str, by: str = "", chosen: str = "") -> str:
    """Return the query for a quantile of a histogram."""
    buckets = rate(f"{histogram}_bucket", f"{by}, le" if by else "le", chosen)
    return f"histogram_quantile({share}, {buckets})"


def median_and_slow(histogram: str, by: str, chosen: str = "") -> tuple[Query, ...]:
    """Return the queries for the median and the 99th percentile."""
    legend = f"{{{{{by}}}}} " if by else ""
    return (
        Query(quantile(0.5, histogram, by, chosen), f"{legend}p50"),
        Query(quantile(0.99, histogram, by, chosen), f"{legend}p99"),
    )


def mean(histogram: str, by: str, chosen: str = "") -> str:
    """Return the query for the mean of a histogram."""
    parts = (rate(f"{histogram}_{each}", by, chosen) for each in ("sum", "count"))
    return " / ".join(parts)


def happened(event: str, over: str = "$__range") -> str:
    """Return the query for the number of published events of a type."""
    return f'sum(increase(tandem_relay_published_total{{type="tandem.{event}.v1"}}[{over}]))'


def _sum(by: str) -> str:
    return f"sum by ({by})" if by else "sum"


def _chosen(metric: str, chosen: str) -> str:
    return f"{metric}{{{chosen}}}" if chosen else metric


def _each(expr: str, label: str) -> tuple[Query, ...]:
    return (Query(expr, f"{{{{{label}}}}}"),)


# --- The platform ---------------------------------------------------------------------------


def platform() -> Board:
    """One look at everything."""
    return Board(
        "tandem-platform",
        "Tandem: the platform",
        "One look at all services: calls, events, subscriptions, stores, processes.",
        (_glance(), _promises(), _all_calls(), _all_outboxes(), _all_queues(), _stores(), _alive()),
    )


def _glance() -> Row:
    failing = f"{rate('tandem_grpc_requests_total', '', FAILED)} or vector(0)"
    return Row(
        "At a glance",
        (
            Number(
                "Roles that answer",
                "Share of the processes whose metrics can be read. Normal: 100 %.",
                "percentunit",
                (Query(f"sum(up{{{OURS}}}) / count(up{{{OURS}}})"),),
                "TandemRoleAway",
            ),
            Number(
                "Alerts",
                "Tandem's alerts that call for someone now. Normal: none.",
                "short",
                (Query('count(ALERTS{alertname=~"Tandem.*", alertstate="firing"}) or vector(0)'),),
                bad_from=1,
            ),
            Number(
                "Calls",
                "gRPC calls a second, of all services.",
                "reqps",
                (Query(rate("tandem_grpc_requests_total")),),
            ),
            Number(
                "Calls that fail because of Tandem",
                "Calls a second that ended with a server error. Normal: none.",
                "reqps",
                (Query(failing),),
                "TandemGrpcErrors",
                bad_from=0.01,
            ),
            Number(
                "Oldest event in an outbox",
                "The age of the oldest event that is not published yet. Normal: under a second.",
                "s",
                (Query("max(tandem_outbox_oldest_seconds)"),),
                "TandemOutboxOld",
                bad_from=60,
            ),
            Number(
                "Dead letters",
                "Events that were given up and wait for a person. Normal: none.",
                "short",
                (Query("sum(max by (queue)(tandem_dead_letters))"),),
                "TandemDeadLetters",
                bad_from=1,
            ),
        ),
    )


def _promises() -> Row:
    said = "Share of the last hour that missed the objective of {}."
    return Row(
        "Objectives",
        tuple(
            Panel(title, said.format(agreed), "percentunit", queries, alert, limit)
            for title, agreed, queries, alert, limit in (
                (
                    "Failed calls",
                    "99.9 % without our fault",
                    _each("service:grpc_errors:bad_ratio_rate1h", "service"),
                    "TandemGrpcErrors",
                    0.001,
                ),
                (
                    "Slow calls",
                    "99 % within half a second",
                    _each("service:grpc_slow:bad_ratio_rate1h", "service"),
                    "TandemGrpcSlow",
                    0.01,
                ),
                (
                    "Late effects",
                    "99 % of the events applied within 30 seconds",
                    _each("subscription:effects_late:bad_ratio_rate1h", "subscription"),
                    "TandemEffectsLate",
                    0.01,
                ),
                (
                    "Late joins",
                    "99 % of the enrolments known to progress within five seconds",
                    (Query("tandem:join_late:bad_ratio_rate1h", "late"),),
                    "TandemJoinLate",
                    0.01,
                ),
                (
                    "Late recordings",
                    "95 % playable four hours after their class",
                    (Query("tandem:recording_late:bad_ratio_rate1h", "late"),),
                    "TandemRecordingLate",
                    0.05,
                ),
                (
                    "Late mails",
                    "99 % taken by the mail server within five minutes",
                    (Query("tandem:mail_late:bad_ratio_rate1h", "late"),),
                    "TandemMailLate",
                    0.01,
                ),
            )
        ),
    )


def _all_calls() -> Row:
    total = rate("tandem_grpc_requests_total", "service")
    failed = rate("tandem_grpc_requests_total", "service", FAILED)
    slow = partial(quantile, histogram="tandem_grpc_seconds", by="service", chosen=_unary())
    by_http = rate("tandem_http_requests_total", "service, code")
    return Row(
        "Calls",
        (
            Panel("Calls", "gRPC calls that ended.", "reqps", _each(total, "service")),
            Panel(
                "Calls that fail because of Tandem",
                "Share of a service's calls. Normal: none.",
                "percentunit",
                _each(f"({failed} or {total} * 0) / {total}", "service"),
                "TandemGrpcErrors",
                0.001,
            ),
            Panel(
                "Call duration",
                "The median and the 99th percentile; streams are left out.",
                "s",
                (
                    Query(slow(0.5), "{{service}} p50"),
                    Query(slow(0.99), "{{service}} p99"),
                ),
                "TandemGrpcSlow",
                0.5,
            ),
            Panel(
                "HTTP requests",
                "Finished requests by status code.",
                "reqps",
                (Query(by_http, "{{service}} {{code}}"),),
                "TandemHttpErrors",
            ),
            Panel(
                "HTTP request duration",
                "The 99th percentile.",
                "s",
                (Query(quantile(0.99, "tandem_http_seconds", "service"), "{{service}} p99"),),
                "TandemHttpSlow",
                0.5,
            ),
        ),
    )


def _all_outboxes() -> Row:
    return Row("Publishing of events", tuple(_outbox("service", "")))


def _outbox(by: str, chosen: str) -> Iterator[Panel]:
    """Return panels from the outbox to the broker; `chosen` selects one service."""

    def at_most(gauge: str) -> tuple[Query, ...]:
        return _each(f"max by (service)({_chosen(gauge, chosen)})", "service")

    yield Panel(
        "Oldest event",
        "The age of the oldest event in the outbox. Normal: under a second.",
        "s",
        at_most("tandem_outbox_oldest_seconds"),
        "TandemOutboxOld",
        60,
    )
    yield Panel(
        "Events that wait",
        "How many events are in the outbox. It grows while the broker is away.",
        "short",
        at_most("tandem_outbox_depth"),
        "TandemOutboxOld",
    )
    yield Panel(
        "Events parked",
        "Events that no queue took; later events of the same aggregate wait. Normal: none.",
        "short",
        at_most("tandem_outbox_parked"),
        "TandemOutboxParked",
        1,
    )
    yield Panel(
        "Events published",
        "Events that the broker confirmed.",
        "cps",
        _each(rate("tandem_relay_published_total", by, chosen), by),
    )
    yield Panel(
        "Time to the confirm",
        "From an event's publication to the broker's confirm.",
        "s",
        median_and_slow("tandem_relay_confirm_seconds", "service", chosen),
    )
    yield Panel(
        "Lanes held",
        "Normal: all 16, shared by the relays. Events of a lane that no relay holds wait.",
        "short",
        _each(f"sum by (service)({_chosen('tandem_relay_lanes', chosen)})", "service"),
        "TandemLaneWithoutRelay",
    )


def _all_queues() -> Row:
    return Row("Subscriptions", tuple(_subscriptions(QUEUES)))


def _whole(queues: str) -> str:
    """Return panels of the queues, by subscription."""
    whole = "([a-z]+[.][a-z_]+([.]dead)?).*"
    return f'label_replace({queues}, "subscription", "$1", "queue", "{whole}")'


def _subscriptions(names: str) -> Iterator[Panel]:
    """Return panels from the queue to the effect; `names` is a pattern of subscriptions."""
    chosen = f'subscription=~"{names}"'
    lag = partial(quantile, histogram="tandem_event_lag_seconds", by="subscription", chosen=chosen)
    yield Panel(
        "From event to effect",
        "Time from an event to its committed effect: the 99th percentile.",
        "s",
        _each(lag(0.99), "subscription"),
        "TandemEffectsLate",
        30,
    )
    ready = _whole(_chosen("rabbitmq_detailed_queue_messages_ready", f'queue=~"{names}"'))
    yield Panel(
        "Events that wait",
        "The queue's length, all partitions together. A queue that only grows needs more workers.",
        "short",
        _each(f"sum by (subscription)({ready})", "subscription"),
        "TandemQueueGrows",
        1000,
    )
    yield Panel(
        "Outcomes of deliveries",
        "Deliveries by outcome. Wait, retry and drop are rare; repeat follows a restart.",
        "cps",
        _each(rate("tandem_verdicts_total", "verdict", chosen), "verdict"),
    )
    yield Panel(
        "Deliveries in a batch",
        "The mean. Batches grow with the load, which makes each delivery cheaper.",
        "short",
        _each(mean("tandem_batch_size", "subscription", chosen), "subscription"),
    )
    yield Panel(
        "Batch duration",
        "From decoding its first delivery to its commit: the 99th percentile.",
        "s",
        _each(quantile(0.99, "tandem_handler_seconds", "subscription", chosen), "subscription"),
    )
    waiting = _chosen("tandem_waiting", chosen)
    yield Panel(
        "Waiting for an event of another service",
        "Events that came before what they need. Normal: none, or some for seconds.",
        "short",
        _each(f"max by (subscription)({waiting})", "subscription"),
    )
    letters = _chosen("tandem_dead_letters", f'queue=~"{names}"')
    yield Panel(
        "Dead letters",
        "Events that were given up and wait for a person. Normal: none.",
        "short",
        _each(f"max by (queue)({letters})", "queue"),
        "TandemDeadLetters",
        1,
    )


def _stores() -> Row:
    alarm = "max(rabbitmq_alarms_{})".format
    return Row(
        "Stores",
        (
            Panel(
                "Servers that roles can reach",
                "1 while every process of a role reaches it, 0 while at least one does not.",
                "short",
                (
                    Query(
                        "min by (service, role, part)(tandem_ready)",
                        "{{service}} {{role}} {{part}}",
                    ),
                ),
                "TandemStoreAway",
            ),
            Panel(
                "RabbitMQ's alarms",
                "1 while it takes nothing from publishers, for it lacks memory or disk.",
                "short",
                (
                    Query(alarm("memory_used_watermark"), "memory"),
                    Query(alarm("free_disk_space_watermark"), "disk"),
                ),
                "TandemBrokerBlocks",
                1,
            ),
            Panel(
                "S3 calls",
                "The library's calls of the S3 store. Normal: the store answers all of them.",
                "reqps",
                _each(rate("tandem_library_s3_calls_total", "outcome"), "outcome"),
                "TandemS3Away",
            ),
        ),
    )


def _alive() -> Row:
    return Row(
        "Processes",
        (
            *_processes("service, role", "{{service}} {{role}}", WHO),
            Table(
                "Versions",
                "Processes by version. During an upgrade there are two versions.",
                "short",
                (Query("count by (service, role, version)(tandem_build_info)"),),
            ),
        ),
    )


def _processes(by: str, legend: str, who: str) -> Iterator[Panel]:
    """Return panels of memory and processor time; `who` joins the service and role to a process."""
    yield Panel(
        "Memory",
        "Resident memory of all processes of a role.",
        "bytes",
        (Query(f"sum by ({by})(process_resident_memory_bytes * {who})", legend),),
    )
    yield Panel(
        "Processor",
        "Cores that all processes of a role use. A process uses little more than one.",
        "short",
        (
            Query(
                f"sum by ({by})(rate(process_cpu_seconds_total[$__rate_interval]) * {who})", legend
            ),
        ),
    )


# --- Each service ---------------------------------------------------------------------------


def board_of(service: Service) -> Board:
    """Return the dashboard of one service."""
    name = service.name
    rows = [_calls(service), Row("Publishing of events", tuple(_outbox("type", _only(name))))]
    if service.subscriptions:
        rows += [Row("Subscriptions", tuple(_subscriptions(f"{name}[.].+")))]
    if name in OWN:
        rows += [OWN[name]()]
    who = f"on (job, instance) group_left (service, role) tandem_build_info{{{_only(name)}}}"
    rows += [
        Row(
            "Processes",
            (*_processes("role", "{{role}}", who), *_timers(service, who), *_jobs(service)),
        )
    ]
    return Board(
        f"tandem-{name}",
        f"Tandem: {name}",
        f"Calls, events, subscriptions and processes of {name}.",
        rows,
    )


def _only(service: str) -> str:
    return f'service="{service}"'


def _calls(service: Service) -> Row:
    ours = _only(service.name)
    slow = quantile(0.99, "tandem_grpc_seconds", "method", f"{ours}, {_unary()}")
    panels = [
        Panel(
            "Calls",
            "gRPC calls that ended, by RPC.",
            "reqps",
            _each(rate("tandem_grpc_requests_total", "method", ours), "method"),
        ),
        Panel(
            "Calls by status",
            "Finished calls by status code. The runbook explains each code except OK.",
            "reqps",
            _each(rate("tandem_grpc_requests_total", "code", ours), "code"),
            "TandemGrpcErrors",
        ),
        Panel(
            "Call duration",
            "The 99th percentile by RPC; streams are left out.",
            "s",
            _each(slow, "method"),
            "TandemGrpcSlow",
            0.5,
        ),
    ]
    if service.streams:
        panels += [
            Panel(
                "Open streams",
                f"Callers that use {', '.join(service.streams)} now.",
                "short",
                (Query(f"sum(tandem_grpc_streams_open{{{ours}}})", "open"),),
            )
        ]
    return Row("Calls", panels)


def _unary() -> str:
    return f'method!~"{streaming()}"'


def _timers(service: Service, who: str) -> Iterator[Panel]:
    if service.name in TIMED:
        failures = f"increase(tandem_timer_failures_total[$__rate_interval]) * {who}"
        yield Panel(
            "Timers that failed",
            "Runs of a timer that failed; the next run tries again. Normal: none.",
            "short",
            _each(f"sum by (timer)({failures})", "timer"),
            "TandemTimerFails",
        )


def _jobs(service: Service) -> Iterator[Panel]:
    if service.name in WORKING:
        ours = f'jobs=~"{service.name}[.].+"'
        yield Panel(
            "Jobs done",
            "Finished jobs by lane, and failed attempts, which are tried again.",
            "cps",
            (
                *_each(f"sum by (lane)(rate(tandem_jobs_done_total{{{ours}}}[$__rate_interval]))",
                       "lane"),
                Query(f"sum(rate(tandem_jobs_failed_total{{{ours}}}[$__rate_interval]))", "failed"),
            ),
        )  # fmt: skip
        yield Panel(
            "Oldest job",
            "How long the oldest due job of a lane has waited for a worker. Normal: moments.",
            "s",
            _each(f"max by (lane)(tandem_jobs_oldest_seconds{{{ours}}})", "lane"),
        )


def _library() -> Row:
    return Row(
        "The S3 store and the search index",
        (
            Panel(
                "Reads",
                "URLs given to readers and podcast clients, by rendition. Normal: follows terms.",
                "reqps",
                _each(rate("tandem_library_reads_total", "rendition"), "rendition"),
            ),
            Panel(
                "S3 calls",
                "Calls by result. Normal: the store answers all of them.",
                "reqps",
                _each(rate("tandem_library_s3_calls_total", "outcome"), "outcome"),
                "TandemS3Away",
            ),
            Panel(
                "Age of the search indexes",
                "For how long changes may be missing in a replica's index. Normal: seconds.",
                "s",
                (
                    Query(
                        f"max by (instance)(tandem_library_search_age_seconds{{{OURS}}})",
                        "{{instance}}",
                    ),
                ),
                "TandemSearchLags",
                900,
            ),
            Panel(
                "Items",
                "Finished uploads: verified, or refused as not what was declared.",
                "short",
                (
                    Query(happened("library.item.available", "$__rate_interval"), "available"),
                    Query(happened("library.item.failed", "$__rate_interval"), "failed"),
                ),
            ),
            Panel(
                "Renditions",
                "Files that the library made of items, and those that can't be made.",
                "short",
                (
                    Query(happened("library.item.rendition_available", "$__rate_interval"), "made"),
                    Query(happened("library.item.processing_failed", "$__rate_interval"), "failed"),
                ),
            ),
            Panel(
                "Oldest item without renditions",
                "How long it has waited. Items of an earlier release wait behind all others.",
                "s",
                _each('max by (lane)(tandem_jobs_oldest_seconds{jobs="library.process"})', "lane"),
                "TandemRenditionsWait",
                14_400,
            ),
            Panel(
                "Events that are not archived",
                "Events that the history has and the archive does not, at the last look. Normal: as"
                " many as an hour has, then none.",
                "short",
                (Query(f"max(tandem_archive_lag_events{{{OURS}}})", "events"),),
            ),
            Panel(
                "Age of the oldest event that is not archived",
                "Normal: up to an hour.",
                "s",
                (Query(f"max(tandem_archive_lag_seconds{{{OURS}}})", "age"),),
                "TandemArchiveLags",
                21_600,
            ),
            Panel(
                "Archivers",
                "One leads. Events that were archived, and offsets that were deleted before."
                " Normal: none was deleted.",
                "short",
                (
                    Query(f"sum(tandem_archive_leading{{{OURS}}})", "leading"),
                    Query(
                        f"sum(increase(tandem_archive_events_total{{{OURS}}}[$__rate_interval]))",
                        "archived",
                    ),
                    Query(
                        f"sum(increase(tandem_archive_lost_offsets_total{{{OURS}}}"
                        "[$__rate_interval]))",
                        "deleted before",
                    ),
                    Query(
                        f"sum(increase(tandem_archive_failures_total{{{OURS}}}[$__rate_interval]))",
                        "failures",
                    ),
                ),
                "TandemArchiveLost",
            ),
            Panel(
                "Age of the oldest message of the history",
                "Normal: up to 29 days; then the broker deletes it.",
                "s",
                (Query(f"max(tandem_history_age_seconds{{{OURS}}})", "age"),),
                "TandemHistoryOld",
                2_592_000,
            ),
        ),
    )


def _catalog() -> Row:
    return Row(
        "Imports of rosters, and copies",
        (
            Panel(
                "Rows of imports",
                "Rows that changed something or were refused. Normal: when an import runs.",
                "cps",
                _each(rate("tandem_catalog_import_rows_total", "result"), "result"),
            ),
            Panel(
                "Imports",
                "Imports that ended, or need a confirmation, by state.",
                "short",
                _each(
                    "sum by (state)(increase(tandem_catalog_imports_total[$__rate_interval]))",
                    "state",
                ),
            ),
            Panel(
                "Oldest import that no worker took",
                "How long it has waited. Normal: moments.",
                "s",
                _each('max by (lane)(tandem_jobs_oldest_seconds{jobs="catalog.import"})', "lane"),
                "TandemImportStands",
                900,
            ),
            Panel(
                "Copies that differ from their originals",
                "At the auditor's last comparison. Normal: none; after a burst of events, a few"
                " until the next round.",
                "short",
                _each("max by (keeper, kind)(tandem_catalog_copies_differing)", "keeper}} {{kind"),
                "TandemCopiesDiffer",
                1,
            ),
            Panel(
                "Since copies were last compared",
                "By kind. Normal: up to an hour.",
                "s",
                _each(
                    "time() - max by (keeper, kind)"
                    "(tandem_catalog_copies_compared_timestamp_seconds)",
                    "keeper}} {{kind",
                ),
                "TandemCopiesUnchecked",
                21_600,
            ),
        ),
    )


def _sessions() -> Row:
    return Row(
        "Classes",
        (
            _classes(),
            _verdicts(),
            _seats(),
            _offers(),
            _help(),
            _timetables(),
            _oldest_timetable(),
            _meetings(),
            _oldest_meeting(),
            _webhooks(),
            _copies(),
            _copied_bytes(),
            _oldest_copy(),
            _live_members(),
            _live_lag(),
            _live_ends(),
            _questions(),
            _oldest_question(),
            _oldest_note(),
            _polls(),
            _feedback(),
            _check_ins(),
        ),
    )


def _events_of(metric: str) -> tuple[Query, ...]:
    """Return the query for what a counter of sessions counts, by event."""
    counted = f"increase(tandem_sessions_{metric}_total[$__rate_interval])"
    return _each(f"sum by (event)({counted})", "event")


def _questions() -> Panel:
    return Panel(
        "Questions",
        "Asked live, in between, or at a second of a recording; answered first live or in words;"
        " merged; carried over, because a class ended without an answer.",
        "short",
        _events_of("questions"),
    )


def _oldest_question() -> Panel:
    return Panel(
        "Oldest open question",
        "For how long it has been open, of those on the agenda of a class to come. Normal: until"
        " the next class.",
        "s",
        (Query("max(tandem_sessions_oldest_question_seconds)", "oldest"),),
    )


def _oldest_note() -> Panel:
    return Panel(
        "Until agendas, votes and invitations to help are right",
        "Age of the oldest note that the worker has not acted on. Normal: a few seconds.",
        "s",
        _each("max by (notes)(tandem_sessions_oldest_note_seconds)", "notes"),
        "TandemAgendasLate",
        120,
    )


def _polls() -> Panel:
    return Panel(
        "Polls",
        "Opened and closed in classes, and the learners who voted in them.",
        "short",
        _events_of("polls"),
    )


def _feedback() -> Panel:
    return Panel(
        "Feedback on classes",
        "Answers that learners gave, that staff sees, and that were held back for good, because"
        " fewer than five were left at the end.",
        "short",
        _events_of("feedback"),
    )


def _check_ins() -> Panel:
    return Panel(
        "Check-ins by code",
        "accepted; old_code: the code was shown in the ten minutes before, so people are slow, or"
        " pass it on; wrong_code: another one.",
        "short",
        _events_of("check_ins"),
    )


def _live_members() -> Panel:
    return Panel(
        "Live channel",
        "Streams of members and their classes, of all replicas; entries and refused messages a"
        " second.",
        "short",
        (
            Query("sum(tandem_sessions_live_members)", "members"),
            Query("sum(tandem_sessions_live_classes)", "classes"),
            Query(rate("tandem_sessions_live_entries_total"), "entries"),
            Query(rate("tandem_sessions_live_refused_total"), "refused"),
            Query("min(tandem_sessions_live_exchange)", "exchange"),
        ),
    )


def _live_lag() -> Panel:
    return Panel(
        "Live channel: until a member has it",
        "Seconds from when a replica has an entry to when a connection takes it.",
        "s",
        (Query(quantile(0.99, "tandem_sessions_live_lag_seconds"), "p99"),),
        "TandemLiveSlow",
        0.5,
    )


def _live_ends() -> Panel:
    return Panel(
        "Live channel: streams that were ended",
        "By reason. Normal: class_over, and stopping while a version is rolled out. behind: the"
        " member receives too slowly.",
        "short",
        _each(
            "sum by (reason)(increase(tandem_sessions_live_ended_total[$__rate_interval]))",
            "reason",
        ),
    )


def _timetables() -> Panel:
    return Panel(
        "Timetables",
        "Timetables that a solver is done with: solved, failed, applied, or refused because"
        " something has changed.",
        "short",
        _each(
            "sum by (state)(increase(tandem_sessions_timetables_total[$__rate_interval]))", "state"
        ),
    )


def _oldest_timetable() -> Panel:
    return Panel(
        "Oldest timetable that no solver took",
        "How long it has waited. Normal: moments, or as long as the searches before it.",
        "s",
        _each('max by (lane)(tandem_jobs_oldest_seconds{jobs="sessions.timetable"})', "lane"),
        "TandemTimetableWaits",
        7_200,
    )


def _meetings() -> Panel:
    return Panel(
        "Online meetings",
        "Made and ended; away, full, refused and late: not there shortly before the class. Normal:"
        " made and ended.",
        "short",
        _each(
            "sum by (outcome)(increase(tandem_sessions_meetings_total[$__rate_interval]))",
            "outcome",
        ),
        "TandemMeetingsFail",
    )


def _oldest_meeting() -> Panel:
    return Panel(
        "Oldest step of a meeting that waits",
        "Longer than moments: no process of the role meetings runs, or a server is away.",
        "s",
        _each(
            "max by (lane)(tandem_jobs_oldest_seconds"
            '{jobs=~"sessions.meetings|sessions.meeting_links"})',
            "lane",
        ),
        "TandemMeetingsFail",
        300,
    )


def _webhooks() -> Panel:
    return Panel(
        "Webhooks of meeting servers",
        "Deliveries: taken, refused (not signed by the server's secret), of unknown meetings.",
        "short",
        _each(
            "sum by (outcome)(increase(tandem_sessions_webhooks_total[$__rate_interval]))",
            "outcome",
        ),
    )


def _copies() -> Panel:
    return Panel(
        "Recordings of meeting servers",
        "Attached to their sessions, withdrawn, refused; file_refused: captions, mostly, that could"
        " not be copied.",
        "short",
        _each(
            "sum by (outcome)(increase(tandem_sessions_recording_copies_total[$__rate_interval]))",
            "outcome",
        ),
        "TandemRecordingsWait",
    )


def _copied_bytes() -> Panel:
    return Panel(
        "Recordings of meeting servers: bytes",
        "Bytes a second that came into the library.",
        "bytes",
        (Query(rate("tandem_sessions_recording_bytes_total"), "bytes"),),
    )


def _oldest_copy() -> Panel:
    return Panel(
        "Oldest recording that is not in the library",
        "How long it has waited to be copied, or to be opened by the library. Normal: minutes.",
        "s",
        (Query("max(tandem_sessions_recording_oldest_seconds)", "oldest"),),
        "TandemRecordingsWait",
        14_400,
    )


def _progress() -> Row:
    panels = (_catch_ups(), _playable(), _judging(), _units(), _refused_of_units())
    return Row("Catch-ups, falling behind, and units of cmi5", panels)


def _units() -> Panel:
    return Panel(
        "Sessions of cmi5",
        "Units that were launched, and ended by themselves (terminated) or by the learner's next"
        " launch (abandoned). If most are abandoned, units do not say that they end.",
        "short",
        _each(
            "sum by (event)(increase(tandem_progress_cmi5_sessions_total[$__rate_interval]))",
            "event",
        ),
    )


def _refused_of_units() -> Panel:
    return Panel(
        "Statements of cmi5 that were refused",
        "By the rule that they break. A unit that often breaks one has a defect; the answer tells"
        " it which.",
        "short",
        _each(
            "sum by (rule)(increase(tandem_progress_cmi5_refused_total[$__rate_interval]))", "rule"
        ),
    )


def _judging() -> Panel:
    return Panel(
        "Until learners are judged",
        "For how long the learner waits who is due to be judged for longest, by the application's"
        " clock. Normal: seconds; minutes after a due of many learners.",
        "s",
        (Query("max(tandem_progress_oldest_verdict_due_seconds)", "oldest"),),
        "TandemJudgingLate",
        1800,
    )


def _notify() -> Row:
    return Row(
        "Mail",
        (
            Panel(
                "Attempts to send",
                "By outcome: put_off and away are tried again, refused is not.",
                "cps",
                _each(rate("tandem_notify_mails_total", "outcome"), "outcome"),
            ),
            _lateness(),
            Panel(
                "Oldest mail that waits",
                "By the application's clock. It grows while the mail server is away.",
                "s",
                (Query("max(tandem_notify_oldest_mail_seconds)", "oldest"),),
                "TandemMailWaits",
                900,
            ),
            Panel(
                "Digests",
                "Digests that collect messages, or are due and not sent. Falls at full hours.",
                "short",
                (Query("max(tandem_notify_digests_waiting)", "waiting"),),
            ),
            Panel(
                "Oldest digest that is due",
                "By the application's clock. Normal: minutes after a full hour.",
                "s",
                (Query("max(tandem_notify_oldest_digest_seconds)", "oldest"),),
                "TandemMailWaits",
                1800,
            ),
            Panel(
                "Mails abandoned",
                "Mails, text messages and notifications whose sender ended while sending; they are"
                " not sent again. Normal: none.",
                "short",
                (
                    Query(
                        "sum(increase(tandem_notify_mails_abandoned_total[$__rate_interval]))",
                        "abandoned",
                    ),
                ),
            ),
            Panel(
                "Text messages and notifications",
                "Attempts by outcome, as those of mails: away and put_off are tried again.",
                "cps",
                (
                    Query(rate("tandem_notify_sms_total", "outcome"), "sms {{outcome}}"),
                    Query(rate("tandem_notify_pushes_total", "outcome"), "push {{outcome}}"),
                ),
            ),
            Panel(
                "Oldest text message or notification that is due",
                "It grows while the gateway of text messages is away.",
                "s",
                _each(
                    'max by (jobs)(tandem_jobs_oldest_seconds{jobs=~"notify.sms|notify.push'
                    '|notify.codes"})',
                    "jobs",
                ),
                "TandemPhonesWait",
                900,
            ),
            Panel(
                "Mails that came back",
                "By what followed: of delayed ones the server goes on trying; addresses of"
                " suppressed ones get no more mail.",
                "short",
                _each(
                    "sum by (outcome)(increase(tandem_notify_bounces_total[$__rate_interval]))",
                    "outcome",
                ),
            ),
            Panel(
                "Events posted to webhooks",
                "By outcome: failed ones are tried again; gone ones stop their webhook.",
                "cps",
                _each(rate("tandem_notify_webhook_posts_total", "outcome"), "outcome"),
            ),
            Panel(
                "Oldest event that waits for a webhook",
                "Normal: seconds. It grows while a receiver fails.",
                "s",
                (Query("max(tandem_notify_webhook_oldest_seconds)", "oldest"),),
                "TandemWebhookFails",
                3600,
            ),
            Panel(
                "Webhooks that lack events",
                "Parked events, and stopped webhooks. Normal: none.",
                "short",
                (
                    Query("max(tandem_notify_webhook_parked)", "parked events"),
                    Query("max(tandem_notify_webhooks_stopped)", "stopped webhooks"),
                ),
                "TandemWebhookFails",
                1,
            ),
            Panel(
                "Unsubscribed",
                "Clicks by which people ended the mails of a category.",
                "short",
                (
                    Query(
                        "sum(increase(tandem_notify_unsubscribed_total[$__rate_interval]))",
                        "clicks",
                    ),
                ),
            ),
        ),
    )


OWN: dict[str, Callable[[], Row]] = {
    "catalog": _catalog,
    "library": _library,
    "sessions": _sessions,
    "progress": _progress,
    "notify": _notify,
}


# --- The bridge -----------------------------------------------------------------------------


def bridge() -> Board:
    """Return the dashboard of the bridge between live teaching and self-paced study."""
    return Board(
        "tandem-bridge",
        "Tandem: the bridge",
        "Absence becomes study, learners change between room and online, cancelled classes repair "
        "the plan. Numbers are of the time that is shown.",
        (
            _bridge_numbers(),
            Row("Absence becomes study", (_verdicts(), _catch_ups(), _in_time(), _playable())),
            Row("Learners change their mode, or fall behind", (_modes(), _seats(), _falls())),
            Row("Classes change, people are told", (_classes(), _repaired(), _lateness())),
        ),
        since="now-7d",
    )


def _bridge_numbers() -> Row:
    absent = 'sum(increase(tandem_sessions_attendance_total{verdict="absent"}[$__range]))'
    return Row(
        "Totals",
        (
            Number("Absences", "Learners who missed a class.", "short", (Query(absent),)),
            Number(
                "Catch-ups assigned",
                "Absences for which there was something to study.",
                "short",
                (Query(happened("progress.catch_up.assigned")),),
            ),
            Number(
                "Caught up",
                "Catch-ups that were completed: ABSENT became CAUGHT_UP.",
                "short",
                (Query(happened("progress.catch_up.completed")),),
            ),
            Number(
                "Catch-ups missed",
                "Catch-ups whose deadline passed.",
                "short",
                (Query(happened("progress.catch_up.missed")),),
            ),
            Number(
                "Changes of mode",
                "Learners who changed how they attend a run.",
                "short",
                (Query(happened("catalog.enrolment.mode_changed")),),
            ),
            Number(
                "Classes cancelled",
                "Each repairs the plans of its learners.",
                "short",
                (Query(happened("sessions.session.cancelled")),),
            ),
        ),
    )


def _counted(title: str, says: str, events: dict[str, str]) -> Panel:
    """Return a panel with the number of some events over time."""
    queries = (Query(happened(kind, "$__rate_interval"), name) for name, kind in events.items())
    return Panel(title, says, "short", tuple(queries))


def _verdicts() -> Panel:
    settled = "sum by (verdict)(increase(tandem_sessions_attendance_total[$__rate_interval]))"
    return Panel(
        "Attendance",
        "Learners of ended classes, by final attendance status.",
        "short",
        _each(settled, "verdict"),
    )


def _catch_ups() -> Panel:
    return _counted(
        "Catch-ups",
        "Assigned when the recording can be played; then completed in time, or missed.",
        {each: f"progress.catch_up.{each}" for each in ("assigned", "completed", "missed")},
    )


def _in_time() -> Panel:
    completed, missed = (happened(f"progress.catch_up.{each}") for each in ("completed", "missed"))
    return Panel(
        "Catch-ups in time",
        "Of those whose end is known, the share that was completed.",
        "percentunit",
        (Query(f"{completed} / ({completed} + {missed})", "in time"),),
    )


def _playable() -> Panel:
    return Panel(
        "From a class's end to its recording",
        "Until the recording could be studied, by the application's clock. Absent learners "
        "wait for it.",
        "s",
        median_and_slow("tandem_progress_recording_playable_seconds", ""),
        "TandemRecordingLate",
        14400,
    )


def _modes() -> Panel:
    return _counted(
        "Changes of mode",
        "Learners who changed how they attend a run from now on.",
        {"changed": "catalog.enrolment.mode_changed"},
    )


def _falls() -> Panel:
    return _counted(
        "Learners fall behind",
        "Learners who fell behind in a run, and those who recovered.",
        {
            "fell behind": "progress.learner.fell_behind",
            "recovered": "progress.learner.recovered",
        },
    )


def _seats() -> Panel:
    return _counted(
        "Seats",
        "Learners who took a place in one class, in the room or online, and those whom a freed "
        "seat promoted from the waiting list.",
        {"taken": "sessions.seat.taken", "promoted": "sessions.seat.promoted"},
    )


def _offers() -> Panel:
    offers = "sum by (event)(increase(tandem_sessions_seat_offers_total[$__rate_interval]))"
    return Panel(
        "Offers of seats",
        "Seats in the room that were held for a learner to answer, and how that ended. If most "
        "expire, runs give too little time.",
        "short",
        _each(offers, "event"),
    )


def _help() -> Panel:
    return Panel(
        "Invitations to help sessions",
        "Learners who fall behind and were invited, and how that ended. If most lapse, runs give "
        "too little time; if few are invited, there are too few help sessions.",
        "short",
        _events_of("help_invitations"),
    )


def _classes() -> Panel:
    return _counted(
        "Classes",
        "What happened to classes.",
        {
            each: f"sessions.session.{each}"
            for each in ("scheduled", "moved", "cancelled", "started", "ended")
        },
    )


def _repaired() -> Panel:
    return _counted(
        "Plans repaired",
        "Deadlines that were moved, recordings that were attached, attendance that was amended.",
        {
            "deadlines moved": "catalog.due.extended",
            "recordings attached": "sessions.recording.attached",
            "attendance amended": "sessions.attendance.amended",
        },
    )


def _lateness() -> Panel:
    return Panel(
        "How late mails are",
        "From a mail's queueing until the mail server took it.",
        "s",
        median_and_slow("tandem_notify_lateness_seconds", ""),
        "TandemMailLate",
        300,
    )


def boards() -> list[Board]:
    """Return every dashboard."""
    return [platform(), bridge(), *map(board_of, services().values())]


def files() -> dict[str, str]:
    """Return the generated texts by file name."""
    return {
        f"{board.uid}.json": json.dumps(board.json(), indent=2, ensure_ascii=False) + "\n"
        for board in boards()
    }


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    for name, text in files().items():
        (target / name).write_text(text)
