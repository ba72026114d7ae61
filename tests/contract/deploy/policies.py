"""The policies of every manifest: each is a function from objects to faults, in words."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from campus.architecture import Service, services
from chassis.messaging import partitions, topology
from chassis.operations.settings import SettingsError, load
from tests.contract.deploy.manifests import Object, name_of, of_kind

NAME, ROLE, PART = (f"app.kubernetes.io/{label}" for label in ("name", "component", "part-of"))
PORTS = {"grpc": 50051, "http": 8080, "ops": 9464}
ROLES_PORTS = {
    "api": {"grpc", "http", "ops"},
    "live": {"grpc", "http", "ops"},
    "worker": {"ops"},
    "solver": {"ops"},
    "meetings": {"ops"},
    "archiver": {"ops"},
    "webhooks": {"ops"},
    "auditor": {"ops"},
    "relay": {"ops"},
}
CONTRACTS = {"api": "", "live": "tandem.sessions.v1.LiveService"}
"""What roles with a gRPC server answer for; empty: the service's contract."""
OWN_IMAGES = {"sessions-solver"}
"""Roles with an image of their own."""
# Time after TANDEM_DRAIN in which a worker that did not finish closes its connections.
MARGIN = 5
# Each has an account of the broker for itself.
BROKER_ROLES = ("archiver", "declare", "live", "relay", "webhooks", "worker")
# Not ours, and read by the roles: deploy/kubernetes/README.md lists them.
SECRETS = {
    "demo-data-token": {"token"},
    **{f"{name}-mongodb": {"connectionString.standard"} for name in services()},
    **{
        f"{name}-{role}-rabbitmq": {"url"}
        for name, service in services().items()
        for role in BROKER_ROLES
        if role in service.roles
    },
    "library-s3": {"access-key", "secret-key"},
    "library-search": {"url", "ca.crt"},
    "opensearch-tls": {"tls.crt", "tls.key", "ca.crt"},
    "opensearch-users": {"internal_users.yml"},
    "notify-smtp": {"url"},
    "notify-pages": {"url", "key"},
    "notify-dkim": {"key.pem"},
    "notify-webhooks": {"key"},
    "archive-reader": {"access-key", "secret-key"},
    "operator-rabbitmq": {"url"},
    "notify-sms": {"url", "from"},
    "notify-push": {"key.pem"},
    "catalog-service-token": {"token"},
    "sessions-meetings": {"servers.toml"},
    "sessions-service-token": {"token"},
}
STAND_INS = {
    "TANDEM_MONGO_URL": "mongodb://db/",
    "TANDEM_AMQP_URL": "amqp://broker",
    "TANDEM_SMTP_URL": "smtps://mail:465",
    "TANDEM_SMS_URL": "https://account:token@sms",
    "TANDEM_SMS_FROM": "Tandem",
    "TANDEM_SEARCH_URL": "https://search:9200",
    "TANDEM_PAGES_URL": "https://api.university.example",
    "TANDEM_PAGES_KEY": "k" * 32,
    "TANDEM_WEBHOOKS_KEY": "k" * 32,
    "TANDEM_S3_ACCESS_KEY": "key",
    "TANDEM_S3_SECRET_KEY": "secret",
}


def workloads(objects: Sequence[Object]) -> list[Object]:
    """Every role of a service."""
    return [each for each in containers(objects) if labels_of(each)[NAME] in services()]


def containers(objects: Sequence[Object]) -> list[Object]:
    """Everything that runs our images: the roles, the demo data's Job, the pattern of replays."""
    return of_kind(objects, "Deployment", "Job", "CronJob")


def pod_of(workload: Object) -> Object:
    """Its pods' spec."""
    return dict(_template(workload)["spec"])


def labels_of(workload: Object) -> Mapping[str, str]:
    """Its pods' labels."""
    return dict(_template(workload)["metadata"]["labels"])


def _template(workload: Object) -> Object:
    spec = workload["spec"]
    return dict(spec.get("jobTemplate", {"spec": spec})["spec"]["template"])


def container_of(workload: Object) -> Object:
    """Its one container."""
    (container,) = pod_of(workload)["containers"]
    return dict(container)


def declared(workload: Object) -> tuple[Service, str]:
    """The service and role that it runs, as the code declares them."""
    labels = labels_of(workload)
    return services()[labels[NAME]], labels[ROLE]


# --- policies --------------------------------------------------------------------------------


def every_role_runs(objects: Sequence[Object]) -> Iterator[str]:
    """A Deployment for each role that serves, a Job for each that ends; nothing else."""
    found = {name_of(each) for each in workloads(objects)}
    wanted = {
        f"{'Deployment' if role in service.servers else 'Job'}/{service.name}-{role}"
        for service in services().values()
        for role in service.roles
    }
    yield from (f"{each} is missing" for each in sorted(wanted - found))
    yield from (f"{each} is no role of any service" for each in sorted(found - wanted))
    for each in workloads(objects):
        service, role = declared(each)
        if each["metadata"]["name"] != f"{service.name}-{role}":
            yield f"{name_of(each)} runs {service.name} {role} by its labels"
        if container_of(each).get("args") != [role]:
            yield f"{name_of(each)}: its argument must be {role}"


def images_are_pinned(objects: Sequence[Object]) -> Iterator[str]:
    """A tag that is not `latest`, or a digest, pins the image; it is the service's own image,
    or the role's.
    """
    for each in containers(objects):
        image = container_of(each)["image"]
        name, _, tag = image.rpartition("/")[2].partition(":")
        if "@sha256:" not in image and tag in {"", "latest"}:
            yield f"{name_of(each)}: {image} has no tag that stays"
        own = each["metadata"]["name"]
        wanted = own if own in OWN_IMAGES else labels_of(each)[NAME]
        if name.partition("@")[0] != f"tandem-{wanted}":
            yield f"{name_of(each)}: {image} is not its service's"


def probes_tell_apart(objects: Sequence[Object]) -> Iterator[str]:
    """Startup and liveness ask whether the process turns, readiness whether it can work."""
    for each in of_kind(objects, "Deployment"):
        service, role = declared(each)
        container = container_of(each)
        alive = {"path": "/live", "port": "ops"}
        for probe in ("startupProbe", "livenessProbe"):
            if container.get(probe, {}).get("httpGet") != alive:
                yield f"{name_of(each)}: {probe} must ask /live at ops: it may not ask for stores"
        ready = container.get("readinessProbe", {})
        if role in CONTRACTS:
            contract = CONTRACTS[role] or service.contract
            if ready.get("grpc") != {"port": PORTS["grpc"], "service": contract}:
                yield f"{name_of(each)}: readiness must ask {contract} by gRPC"
        elif ready.get("httpGet") != {"path": "/ready", "port": "ops"}:
            yield f"{name_of(each)}: readiness must ask /ready at ops"


def ports_are_those_that_open(objects: Sequence[Object]) -> Iterator[str]:
    """Named container ports are the ports of the addresses in the role's settings."""
    for each in of_kind(objects, "Deployment"):
        wanted = {name: PORTS[name] for name in ROLES_PORTS[declared(each)[1]]}
        ports = {port["name"]: port["containerPort"] for port in container_of(each)["ports"]}
        configured = {
            name: int(address.rpartition(":")[2])
            for name in wanted
            if (address := _plain_settings(each, objects).get(f"TANDEM_{name.upper()}_ADDRESS"))
        }
        if not ports == configured == wanted:
            yield f"{name_of(each)}: ports {ports}, addresses {configured}; wanted {wanted}"


def resources_are_bounded(objects: Sequence[Object]) -> Iterator[str]:
    """CPU and memory are asked for, memory is limited, and /tmp is."""
    for each in containers(objects):
        resources = container_of(each).get("resources", {})
        if not {"cpu", "memory"} <= resources.get("requests", {}).keys():
            yield f"{name_of(each)}: requests of cpu and memory"
        if "memory" not in resources.get("limits", {}):
            yield f"{name_of(each)}: a limit of memory"
        for volume in pod_of(each).get("volumes", []):
            if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
                yield f"{name_of(each)}: volume {volume['name']} without sizeLimit"


def pods_are_confined(objects: Sequence[Object]) -> Iterator[str]:
    """The Pod Security Standard `restricted`, a read-only root, and no token."""
    container = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    for each in containers(objects):
        pod = pod_of(each)
        security = pod.get("securityContext", {})
        if not (security.get("runAsNonRoot") and security.get("runAsUser", 0) > 0):
            yield f"{name_of(each)}: must not run as root"
        if security.get("seccompProfile") != {"type": "RuntimeDefault"}:
            yield f"{name_of(each)}: seccomp RuntimeDefault"
        if container_of(each).get("securityContext") != container:
            yield f"{name_of(each)}: securityContext must be {container}"
        if pod.get("automountServiceAccountToken") is not False:
            yield f"{name_of(each)}: no service account token may be mounted"
        if pod.get("enableServiceLinks") is not False:
            yield f"{name_of(each)}: no variables of other Services"


def stops_have_time(objects: Sequence[Object]) -> Iterator[str]:
    """The grace is longer than the pause before the drain, and the drain."""
    for each in of_kind(objects, "Deployment"):
        service, role = declared(each)
        values = {**STAND_INS, **_plain_settings(each, objects)}
        drain = load(service.settings_class, values, role).drain.total_seconds()
        pause = container_of(each)["lifecycle"]["preStop"]["sleep"]["seconds"]
        grace = pod_of(each).get("terminationGracePeriodSeconds", 30)
        if grace < pause + drain + MARGIN:
            yield f"{name_of(each)}: {grace} s of grace for {pause} s and a drain of {drain:g} s"


def replicas_are_spread_and_kept(objects: Sequence[Object]) -> Iterator[str]:
    """Each Deployment has its disruption budget, and its pods are on different zones and nodes."""
    budgets = [
        each["spec"]["selector"]["matchLabels"]
        for each in of_kind(objects, "PodDisruptionBudget")
        if each["spec"].get("maxUnavailable") == 1
    ]
    for each in of_kind(objects, "Deployment"):
        if dict(each["spec"]["selector"]["matchLabels"]) not in budgets:
            yield f"{name_of(each)}: no PodDisruptionBudget"
        spread = {s["topologyKey"] for s in pod_of(each).get("topologySpreadConstraints", [])}
        if spread != {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}:
            yield f"{name_of(each)}: spread over zones and nodes"


def settings_are_provided(objects: Sequence[Object]) -> Iterator[str]:
    """A role gets all settings that it requires, only settings that it knows, and valid values."""
    for each in workloads(objects):
        service, role = declared(each)
        known = {setting.variable: setting for setting in service.read_by(role)}
        given = {entry["name"]: entry for entry in container_of(each).get("env", [])}
        for name in sorted(set(given) - set(known)):
            yield f"{name_of(each)}: {name} is no setting of {role}"
        for name, setting in known.items():
            if setting.required and name not in given:
                yield f"{name_of(each)}: {name} is missing"
            if setting.secret and name in given and "secretKeyRef" not in _source(given[name]):
                yield f"{name_of(each)}: {name} must come from a Secret"
        try:
            values = {**_plain_settings(each, objects)}
            load(service.settings_class, {**STAND_INS, **values}, role)
        except SettingsError as error:
            yield f"{name_of(each)}: {error}"


def references_lead_somewhere(objects: Sequence[Object]) -> Iterator[str]:
    """Every ConfigMap key is there, and every Secret is a documented one."""
    there = {name: set(data) for name, data in _config_maps(objects).items()} | SECRETS
    for each in containers(objects):
        for name, key in _references(each):
            if key not in there.get(name, set()):
                yield f"{name_of(each)}: {name} has no {key}"


def no_secret_is_here(objects: Sequence[Object]) -> Iterator[str]:
    """Secrets come by reference."""
    yield from (f"{name_of(each)} must not be in a manifest" for each in of_kind(objects, "Secret"))


def scalers_have_targets(objects: Sequence[Object]) -> Iterator[str]:
    """HPAs scale what answers requests, KEDA workers by exactly their service's queues; never a
    relay.
    """
    names = {each["metadata"]["name"] for each in of_kind(objects, "Deployment")}
    for each in of_kind(objects, "HorizontalPodAutoscaler"):
        target = each["spec"]["scaleTargetRef"]["name"]
        if target not in names or not target.endswith(("-api", "-live")):
            yield f"{name_of(each)}: {target} answers no requests"
    for each in of_kind(objects, "ScaledObject"):
        target = each["spec"]["scaleTargetRef"]["name"]
        service = services()[target.removesuffix("-worker")]
        scaled = [trigger["metadata"] for trigger in each["spec"]["triggers"]]
        wanted = [set(partitions.queues(q, 12)) for q in service.subscriptions]
        if target not in names or sorted(map(sorted, map(_counted, scaled))) != sorted(
            map(sorted, wanted)
        ):
            yield f"{name_of(each)}: {target} by {[one['queueName'] for one in scaled]}"


def _counted(trigger: Mapping[str, str]) -> set[str]:
    """Which queues a trigger of KEDA counts together, by whichever of an installation's names."""
    if trigger.get("useRegex") != "true":
        return {trigger["queueName"]}
    if trigger.get("operation") != "sum" or trigger.get("protocol") != "http":
        return set()  # the mean of a regular expression's queues, or none at all by AMQP
    return {queue for queue in all_queues() if re.search(trigger["queueName"], queue)}


def all_queues() -> set[str]:
    """Every queue of every service, with twelve partitions, and the dead letters."""
    subscriptions = [each for service in services().values() for each in service.subscriptions]
    events = {queue for each in subscriptions for queue in partitions.queues(each, 12)}
    return events | {topology.dead(each.name) for each in subscriptions}


def metrics_are_scraped(objects: Sequence[Object]) -> Iterator[str]:
    """A PodMonitor selects each serving pod, at its ops port."""
    monitors = [
        each["spec"]["selector"]["matchLabels"]
        for each in of_kind(objects, "PodMonitor")
        if any(e.get("port") == "ops" for e in each["spec"]["podMetricsEndpoints"])
    ]
    for each in of_kind(objects, "Deployment"):
        if not any(wanted.items() <= labels_of(each).items() for wanted in monitors):
            yield f"{name_of(each)}: nobody scrapes it"


# --- parts -----------------------------------------------------------------------------------


def _source(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    return dict(entry.get("valueFrom", {}))


def _references(workload: Object) -> Iterator[tuple[str, str]]:
    """What its pods take from ConfigMaps and Secrets: name and key."""
    for entry in container_of(workload).get("env", []):
        for ref in _source(entry).values():
            yield ref["name"], ref["key"]
    for volume in pod_of(workload).get("volumes", []):
        if "secret" in volume:
            name = volume["secret"]["secretName"]
            yield name, next(iter(SECRETS.get(name, {"unknown"})))


def _config_maps(objects: Sequence[Object]) -> Mapping[str, Mapping[str, str]]:
    return {each["metadata"]["name"]: each["data"] for each in of_kind(objects, "ConfigMap")}


def _plain_settings(workload: Object, objects: Sequence[Object]) -> dict[str, str]:
    """The values of the container's environment that are not from Secrets."""
    maps = _config_maps(objects)
    values = {}
    for entry in container_of(workload).get("env", []):
        if "value" in entry:
            values[entry["name"]] = entry["value"]
        elif ref := _source(entry).get("configMapKeyRef"):
            values[entry["name"]] = maps.get(ref["name"], {}).get(ref["key"], "")
    return values
