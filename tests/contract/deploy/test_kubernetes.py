"""deploy/kubernetes, checked without a cluster."""

import copy
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from campus.architecture import services
from tests.contract.deploy import accounts, edges, policies, stores
from tests.contract.deploy.manifests import (
    COMPONENTS,
    KUBERNETES,
    OVERLAYS,
    Object,
    combination,
    is_additive,
    name_of,
    of_kind,
    overlay,
    parsed,
    schema_faults,
)
from tests.deep import DEEP, deep, only_deep

Chosen = tuple[str, ...]
Named = dict[str, Object]
Built = dict[Chosen, list[Object]]
Policy = Callable[[Sequence[Object]], Iterator[str]]
EVERYWHERE: list[Policy] = [
    policies.every_role_runs,
    policies.images_are_pinned,
    policies.probes_tell_apart,
    policies.ports_are_those_that_open,
    policies.resources_are_bounded,
    policies.pods_are_confined,
    policies.stops_have_time,
    policies.replicas_are_spread_and_kept,
    policies.settings_are_provided,
    policies.references_lead_somewhere,
    policies.no_secret_is_here,
    policies.scalers_have_targets,
    accounts.roles_use_their_own_accounts,
    accounts.broker_permissions_are_least,
    accounts.relays_publish_their_own_types,
    stores.stores_are_confined,
    stores.stores_are_whole,
]
UNIVERSITY: list[Policy] = [policies.metrics_are_scraped, edges.edges_are_the_codes]


def subsets(components: Sequence[str]) -> list[Chosen]:
    """All subsets of some components."""
    sizes = range(len(components) + 1)
    return [each for size in sizes for each in itertools.combinations(components, size)]


def together(*chosen: Iterable[str]) -> Chosen:
    """Components in the order in which they are put together."""
    return tuple(sorted(itertools.chain.from_iterable(chosen)))


# An additive component has objects of its own and no word on others'; what one of the rest does
# depends on what else is chosen.
ADDITIVE = tuple(filter(is_additive, COMPONENTS))
CHANGING = tuple(each for each in COMPONENTS if each not in ADDITIVE)


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> dict[Chosen, Named]:
    """Each additive component alone; the others in every combination, with none and with all.

    Equal objects of many combinations are one object.
    """
    folder = tmp_path_factory.mktemp("combinations")
    chosen: list[Chosen] = [(each,) for each in ADDITIVE]
    chosen += [together(each, more) for each in subsets(CHANGING) for more in ((), ADDITIVE)]

    def build(number: int, components: Chosen) -> list[str]:
        return combination(components, folder / str(number)).strip().split("\n---\n")

    with ThreadPoolExecutor(2) as pool:
        texts = list(pool.map(build, itertools.count(), chosen))
    known = {text: one for text in set().union(*texts) for one in parsed(text)}
    assert all(len(found) == len({name_of(known[text]) for text in found}) for found in texts)
    return {
        components: {name_of(known[text]): known[text] for text in found}
        for components, found in zip(chosen, texts, strict=True)
    }


@pytest.fixture(scope="module")
def built(builds: dict[Chosen, Named]) -> Built:
    """The objects of combinations of components, put together from what was built: of all; without
    DEEP, of those that up to two components, or all but up to two, make.
    """
    found = {}
    near = {0, 1, 2, len(COMPONENTS) - 2, len(COMPONENTS) - 1, len(COMPONENTS)}
    for chosen in (each for each in subsets(COMPONENTS) if DEEP or len(each) in near):
        whole = builds[together(set(chosen) & set(CHANGING), ADDITIVE)]
        unwanted = set().union(*(added(builds, each) for each in set(ADDITIVE) - set(chosen)))
        found[chosen] = [one for name, one in whole.items() if name not in unwanted]
    return found


def added(builds: dict[Chosen, Named], component: str) -> set[str]:
    """The names of what an additive component adds to the base."""
    return builds[component,].keys() - builds[()].keys()


def test_additive_components_disturb_nothing(builds: dict[Chosen, Named]) -> None:
    """With any other components, one adds the same objects, and changes no other's.

    So a choice of some of them gives all their objects, without those of the others.
    """
    own = {each: added(builds, each) for each in ADDITIVE}
    theirs = set[str]().union(*own.values())
    assert len(theirs) == sum(map(len, own.values()))
    for each in ADDITIVE:
        assert own[each]
        assert builds[()].items() <= builds[each,].items() <= builds[ADDITIVE].items()
    for some in subsets(CHANGING):
        without, whole = builds[some], builds[together(some, ADDITIVE)]
        assert without.items() <= whole.items()
        assert whole.keys() - without.keys() == theirs


@only_deep
def test_every_object_of_every_combination_is_as_its_schema_says(built: Built) -> None:
    """Each that occurs in any, once."""
    unlike = {id(each): each for objects in built.values() for each in objects}
    assert [fault for each in unlike.values() for fault in schema_faults(each)] == []


@deep
@pytest.mark.parametrize("policy", EVERYWHERE)
def test_policies_hold_in_every_combination(policy: Policy, built: Built) -> None:
    """Each policy of ours, whatever is chosen."""
    faults = {chosen: list(policy(objects)) for chosen, objects in built.items()}
    assert {chosen: found for chosen, found in faults.items() if found} == {}


def test_nobody_talks_but_as_the_code_says(built: Built) -> None:
    """Where network policies are chosen, alone or with all, connections are those of the code."""
    for chosen in (("network-policies",), tuple(COMPONENTS)):
        assert list(edges.edges_are_the_codes(built[chosen])) == []


@deep
@pytest.mark.parametrize("name", OVERLAYS)
def test_every_object_is_as_its_schema_says(name: str) -> None:
    """Kubernetes' own for two versions, strictly; others by their published definitions."""
    assert [fault for each in overlay(name) for fault in schema_faults(each)] == []


@pytest.mark.parametrize("name", OVERLAYS)
@pytest.mark.parametrize("policy", EVERYWHERE)
def test_policies_hold(policy: Policy, name: str) -> None:
    """Each policy of ours holds in each overlay."""
    assert list(policy(overlay(name))) == []


@pytest.mark.parametrize("policy", UNIVERSITY)
def test_policies_of_the_university_hold(policy: Policy) -> None:
    """Only the whole can show it: metrics are read, and connections are those of the code."""
    assert list(policy(overlay("university"))) == []


def test_a_relay_has_a_standby() -> None:
    """At a university two relays of each service run: one leads, one stands by."""
    relays = [
        each for each in of_kind(overlay("university"), "Deployment") if "-relay" in name_of(each)
    ]
    assert {each["spec"]["replicas"] for each in relays} == {2}


def test_the_page_tells_what_can_be_chosen_and_what_must_be_there() -> None:
    """Every component is in its table, and every Secret that a role or a user is made from."""
    page = (KUBERNETES / "README.md").read_text()
    assert set(re.findall(r"^\| ([a-z-]+) \|", page, re.MULTILINE)) - {"component"} == set(
        COMPONENTS
    )
    made_by_operators = {f"{name}-mongodb" for name in services()}
    users = of_kind(overlay("university"), "User")
    accounts_of = {each["spec"]["importCredentialsSecret"]["name"] for each in users}
    wanted = {name: {"username", "password", "url"} for name in accounts_of}
    for name, keys in {**policies.SECRETS, **wanted}.items():
        shown = re.sub(f"^({'|'.join(services())})-(?=.*(rabbitmq|mongodb)$)", "<service>-", name)
        row = next((line for line in page.splitlines() if line.startswith(f"| `{shown}`")), "")
        assert name in made_by_operators or all(f"`{key}`" in row for key in keys), name


def test_the_tag_is_the_products_version() -> None:
    """The base names the images of this very version."""
    version = (Path(__file__).resolve().parents[3] / "pyproject.toml").read_text()
    for each in policies.containers(overlay("university")):
        tag = policies.container_of(each)["image"].rpartition(":")[2]
        assert f'version = "{tag}"' in version


# --- the policies themselves: each finds what it is for ----------------------------------------


def first(objects: list[Object], kind: str, name: str) -> Any:
    return next(e for e in objects if e["kind"] == kind and e["metadata"]["name"] == name)


def drop(objects: list[Object], kind: str, name: str) -> None:
    objects.remove(first(objects, kind, name))


def _node(objects: list[Object]) -> Any:
    return first(objects, "StatefulSet", "tandem-opensearch")["spec"]["template"]["spec"]


STORE_BREAKS: list[tuple[Policy, Callable[[list[Object]], Any]]] = [
    (stores.stores_are_confined, lambda o: _node(o)["securityContext"].update(runAsUser=0)),
    (stores.stores_are_confined, lambda o: _node(o)["containers"][0].update(image="x:latest")),
    (
        stores.stores_are_confined,
        lambda o: _node(o)["containers"][0]["resources"].update(limits={}),
    ),
    (stores.stores_are_whole, lambda o: drop(o, "PodDisruptionBudget", "tandem-opensearch")),
    (stores.stores_are_whole, lambda o: drop(o, "ConfigMap", "opensearch")),
    (stores.stores_are_whole, lambda o: _node(o)["containers"][0]["volumeMounts"].pop()),
]


@pytest.mark.parametrize(("policy", "spoil"), STORE_BREAKS)
def test_a_policy_of_stores_finds_its_fault(
    policy: Policy, spoil: Callable[[list[Object]], Any], builds: dict[Chosen, Named]
) -> None:
    """The check reports an OpenSearch that breaks the policy."""
    objects = copy.deepcopy(list(builds["opensearch",].values()))
    assert list(policy(objects)) == []
    spoil(objects)
    assert list(policy(objects)) != []


@deep
def test_one_search_index_for_all_is_as_its_schemas_say(builds: dict[Chosen, Named]) -> None:
    """What the component opensearch adds, which no overlay has."""
    objects = [builds["opensearch",][name] for name in sorted(added(builds, "opensearch"))]
    assert {each["kind"] for each in objects} == {
        *("ConfigMap", "PodDisruptionBudget", "Service", "StatefulSet"),
    }
    assert [fault for each in objects for fault in schema_faults(each)] == []


def test_the_settings_of_opensearch_name_what_is_there(builds: dict[Chosen, Named]) -> None:
    """Its files by the paths at which they are mounted, and its first node and its Service by their
    names; every setting is a line of YAML.
    """
    objects = builds["opensearch",]
    settings = parsed(objects["ConfigMap/opensearch"]["data"]["opensearch.yml"])[0]
    secret = policies.SECRETS["opensearch-tls"]
    files = [value for name, value in settings.items() if name.endswith("_filepath")]
    assert {value.partition("tls/")[2] for value in files} == secret
    (node,) = of_kind(list(objects.values()), "StatefulSet")
    home = "/usr/share/opensearch/config"
    mounts = {
        each["name"]: each["mountPath"] for each in policies.container_of(node)["volumeMounts"]
    }
    assert (mounts["tls"], mounts["settings"]) == (f"{home}/tls", f"{home}/opensearch.yml")
    name = node["metadata"]["name"]
    assert settings["cluster.initial_cluster_manager_nodes"] == [f"{name}-0"]
    assert settings["discovery.seed_hosts"] == [node["spec"]["serviceName"]]


@deep
def test_an_unknown_field_is_found() -> None:
    """Schemas are strict: a field that the API server would drop is a fault."""
    for kind, name in (("Deployment", "catalog-api"), ("ScaledObject", "notify-worker")):
        spoilt = copy.deepcopy(first(list(overlay("university")), kind, name))
        spoilt["spec"]["replicaz"] = 1
        assert schema_faults(spoilt) != []
    assert schema_faults({"apiVersion": "x.example/v1", "kind": "X", "metadata": {"name": "x"}})
