"""Who may open connections to whom, by all network policies together, and by the code.

A connection needs egress at its source and ingress at its target; a pod that no policy selects
may do everything (Kubernetes, "Network Policies").
"""

import ipaddress
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from campus.architecture import services
from chassis.operations.settings import EDGES
from tests.contract.deploy.manifests import Object, of_kind
from tests.contract.deploy.policies import (
    NAME,
    PART,
    PORTS,
    ROLE,
    ROLES_PORTS,
    labels_of,
    workloads,
)

HERE = "tandem"
HBONE = 15008


@dataclass(frozen=True)
class Party:
    """A pod, or something outside of the cluster, that connections come from or go to."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    namespace: str = HERE
    namespace_labels: Mapping[str, str] = field(default_factory=dict)
    address: str = ""
    """Only of what is no pod."""

    @property
    def home(self) -> Mapping[str, str]:
        """The labels of its namespace."""
        return {"kubernetes.io/metadata.name": self.namespace, **self.namespace_labels}


MONGODB = Party("mongodb", {"app": "tandem-mongodb-svc"})
RABBITMQ = Party("rabbitmq", {NAME: "tandem-rabbitmq"})
OPENSEARCH = Party("opensearch", {NAME: "tandem-opensearch"})
STORES = (MONGODB, RABBITMQ, OPENSEARCH)
GATEWAY = Party("gateway", {"gateway.networking.k8s.io/gateway-name": "tandem"})
DEMO = Party("demo-data", {NAME: "demo-data", ROLE: "demo-data", PART: "tandem"})
REPLAY = Party("consumer-replay", {NAME: "tools", ROLE: "consumer-replay"})
FAR_GATEWAY = Party("far gateway", {}, "ingress", {"tandem.gateway": "true"})
PROMETHEUS = Party("prometheus", {}, "monitoring", {"tandem.monitoring": "true"})
COLLECTOR = Party("otlp", {NAME: "opentelemetry-collector"}, "observability")
DNS = Party("dns", {"k8s-app": "kube-dns"}, "kube-system")
KEDA = Party("keda", {}, "keda")
OPERATORS = Party("rabbitmq's operators", {}, "rabbitmq-system")
MESH = Party("istiod", {}, "istio-system")
KUBELET = Party("kubelet", namespace="", address="169.254.7.127")
OUTSIDE = Party("outside", namespace="", address="203.0.113.7")
STRANGER, INTRUDER = Party("stranger", {}, "elsewhere"), Party("intruder", {"app": "x"})
FOREIGN = (FAR_GATEWAY, PROMETHEUS, COLLECTOR, DNS, KEDA, OPERATORS, MESH, OUTSIDE, STRANGER)
OTHERS = (*STORES, GATEWAY, DEMO, REPLAY, INTRUDER, KUBELET, *FOREIGN)
# What roles reach, besides each other: where it is, and at which ports.
REACHED: Mapping[str, tuple[Sequence[Party], frozenset[int]]] = {
    "mongodb": ([MONGODB], frozenset({27017})),
    "rabbitmq": ([RABBITMQ], frozenset({5672})),
    "s3": ([OUTSIDE], frozenset({443})),
    "identity": ([OUTSIDE], frozenset({443})),
    "meetings": ([OUTSIDE], frozenset({443})),
    "webhooks": ([OUTSIDE], frozenset({443})),
    "smtp": ([OUTSIDE], frozenset({465, 587})),
    "sms": ([OUTSIDE], frozenset({443})),
    "push": ([OUTSIDE], frozenset({443})),
    "otlp": ([COLLECTOR], frozenset({4318})),
    "search": ([OPENSEARCH, OUTSIDE], frozenset({9200})),
}
NODES = {4369, 6000, 6443, 6500, 25672}
"""By which a broker's nodes find each other, and replicate streams (6000 to 6500)."""
API_SERVER = {443, 6443}
SAMPLED = sorted(
    {
        1,
        53,
        80,
        465,
        587,
        4318,
        5672,
        8080,
        9200,
        9300,
        9464,
        HBONE,
        15012,
        15672,
        15692,
        27017,
        50051,
    }
    | NODES
    | API_SERVER
)

Edge = tuple[str, str, int]


def edges_are_the_codes(objects: Sequence[Object]) -> Iterator[str]:
    """A role may reach, and be reached, exactly as the code declares."""
    roles = [Party(each["metadata"]["name"], labels_of(each)) for each in workloads(objects)]
    allowed = set(_allowed(of_kind(objects, "NetworkPolicy"), [*roles, *OTHERS]))
    wanted = set(_wanted(roles))
    yield from (f"{a} must reach {b} at {port}" for a, b, port in sorted(wanted - allowed))
    yield from (f"{a} must not reach {b} at {port}" for a, b, port in sorted(allowed - wanted))


# --- what the code says ------------------------------------------------------------------------


def _wanted(roles: Iterable[Party]) -> Iterator[Edge]:
    parties = list(roles)
    for party in parties:
        service, role = services()[party.labels[NAME]], party.labels[ROLE]
        for reached in service.reached_by(role):
            targets, ports = REACHED.get(reached, ([Party(f"{reached}-api")], {PORTS["grpc"]}))
            yield from ((party.name, each.name, port) for each in targets for port in ports)
        yield from _wanted_callers(party, role)
    yield from _wanted_of_stores()
    yield from _wanted_of_the_gateway()
    yield from _wanted_tunnels(parties)
    for party in (*parties, *STORES, GATEWAY, DEMO, REPLAY, INTRUDER):
        yield (party.name, DNS.name, 53)
    yield from ((each.name, OUTSIDE.name, 443) for each in (DEMO, REPLAY))
    yield from ((REPLAY.name, RABBITMQ.name, port) for port in (5672, 15672))


def _wanted_callers(party: Party, role: str) -> Iterator[Edge]:
    """The callers of a role's ports other than roles: callers, probes, metrics."""
    if role in ROLES_PORTS:
        yield (PROMETHEUS.name, party.name, PORTS["ops"])
        yield from ((KUBELET.name, party.name, port) for port in PORTS.values())
    if role in EDGES:
        for each in (GATEWAY, FAR_GATEWAY):
            yield from ((each.name, party.name, PORTS[port]) for port in ("grpc", "http"))
    if role == "api":
        yield (DEMO.name, party.name, PORTS["grpc"])


def _wanted_of_stores() -> Iterator[Edge]:
    yield (MONGODB.name, MONGODB.name, 27017)
    yield (OPENSEARCH.name, OPENSEARCH.name, 9300)
    yield from ((RABBITMQ.name, RABBITMQ.name, port) for port in NODES)
    yield (KEDA.name, RABBITMQ.name, 15672)
    yield (OPERATORS.name, RABBITMQ.name, 15672)
    yield (PROMETHEUS.name, RABBITMQ.name, 15692)
    # Both ask the Kubernetes API, which has no label to select by: so it may be anywhere.
    for store in (MONGODB, RABBITMQ):
        yield (store.name, GATEWAY.name, 443)
        yield from ((store.name, each.name, port) for each in FOREIGN for port in API_SERVER)


def _wanted_of_the_gateway() -> Iterator[Edge]:
    """The world comes in by it."""
    yield (GATEWAY.name, MESH.name, 15012)
    for each in (*FOREIGN, KUBELET):
        yield from ((each.name, GATEWAY.name, port) for port in (80, 443))


def _wanted_tunnels(roles: Sequence[Party]) -> Iterator[Edge]:
    """components/mtls states which callers are allowed inside the tunnels."""
    meshed = (*roles, DEMO)
    for target in meshed:
        for source in (*meshed, FAR_GATEWAY, PROMETHEUS):
            yield (source.name, target.name, HBONE)
        if target.labels[ROLE] in EDGES:
            yield (GATEWAY.name, target.name, HBONE)


# --- what the policies say ---------------------------------------------------------------------


def _allowed(policies: Sequence[Object], parties: Sequence[Party]) -> Iterator[Edge]:
    leaving = {party.name: _rules(policies, "egress", party) for party in parties}
    entering = {party.name: _rules(policies, "ingress", party) for party in parties}
    for source, target in itertools.product(parties, parties):
        if target is KUBELET or not (_is_here(source) or _is_here(target)):
            continue
        out = _ports(leaving[source.name], "to", target)
        for port in out & _ports(entering[target.name], "from", source):
            yield (source.name, target.name, port)


def _rules(policies: Sequence[Object], way: str, party: Party) -> list[Object] | None:
    """The connections that a party may open or accept; None if no policy selects it."""
    ours = [each["spec"] for each in policies if _concerns(each["spec"], way, party)]
    return [rule for spec in ours for rule in spec.get(way, [])] if ours else None


def _concerns(spec: Object, way: str, party: Party) -> bool:
    kinds = [kind.lower() for kind in spec["policyTypes"]]
    return _is_here(party) and way in kinds and selects(spec["podSelector"], party.labels)


def _ports(rules: list[Object] | None, peers: str, other: Party) -> set[int]:
    """The ports of those looked at that rules open towards another party."""
    if rules is None:
        return set(SAMPLED)
    return {
        port
        for rule in rules
        if peers not in rule or any(_matches(peer, other) for peer in rule[peers])
        for port in SAMPLED
        if "ports" not in rule or any(_is_in(port, each) for each in rule["ports"])
    }


def _is_in(port: int, opened: Object) -> bool:
    first: int = opened["port"]
    last: int = opened.get("endPort", first)
    return first <= port <= last


def _is_here(party: Party) -> bool:
    return party.namespace == HERE


def _matches(peer: Object, other: Party) -> bool:
    if "ipBlock" in peer:
        block = ipaddress.ip_network(peer["ipBlock"]["cidr"])
        return bool(other.address) and ipaddress.ip_address(other.address) in block
    if other.address:
        return False
    home = peer.get("namespaceSelector")
    same = _is_here(other) if home is None else selects(home, other.home)
    return same and selects(peer.get("podSelector", {}), other.labels)


def selects(selector: Object, labels: Mapping[str, str]) -> bool:
    """Whether a label selector selects (an empty one selects everything)."""
    expressions = selector.get("matchExpressions", [])
    assert all(each["operator"] == "In" for each in expressions)
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        labels.get(each["key"]) in each["values"] for each in expressions
    )
