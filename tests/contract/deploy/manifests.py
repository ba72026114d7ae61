"""The objects that deploy/kubernetes builds, and whether each follows its schema."""

import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import kubernetes_validate.utils
import yaml

from tests.contract.tools import need
from tests.deep import DEEP

Object = dict[str, Any]
ROOT = Path(__file__).resolve().parents[3]
KUBERNETES = ROOT / "deploy" / "kubernetes"
OVERLAYS = sorted(path.name for path in (KUBERNETES / "overlays").iterdir())
COMPONENTS = sorted(path.name for path in (KUBERNETES / "components").iterdir())
# The newest two that kubernetes-validate has; to judge all objects by one takes seconds.
VERSIONS = ("1.36", "1.37") if DEEP else ("1.37",)
# It would read a file of all definitions, of megabytes, for each object anew.
kubernetes_validate.utils.schema_contents = cache(kubernetes_validate.utils.schema_contents)


def rendered(folder: Path) -> str:
    """Return the output of `kubectl kustomize`. Raises AssertionError with the error output."""
    command = [need("kubectl"), "kustomize", str(folder)]
    # So short a process collects no garbage: it takes half the time.
    environment = {**os.environ, "GOGC": "off"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{folder}: {done.stderr}"
    return done.stdout


def parsed(text: str) -> list[Object]:
    """The objects of a stream of YAML documents."""
    return list(yaml.load_all(text, yaml.CSafeLoader))


@cache
def overlay(name: str) -> tuple[Object, ...]:
    """The objects of an overlay."""
    return tuple(parsed(rendered(KUBERNETES / "overlays" / name)))


def combination(components: Iterable[str], folder: Path) -> str:
    """The base with some components, put together in `folder`."""
    folder.mkdir(parents=True)
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [os.path.relpath(KUBERNETES / "base", folder)],
        "components": [os.path.relpath(KUBERNETES / "components" / c, folder) for c in components],
    }
    (folder / "kustomization.yaml").write_text(json.dumps(kustomization))
    return rendered(folder)


def is_additive(component: str) -> bool:
    """Whether a component brings objects only, and says nothing of those of others."""
    kustomization = KUBERNETES / "components" / component / "kustomization.yaml"
    said = yaml.load(kustomization.read_text(), yaml.CSafeLoader)
    return set(said) == {"apiVersion", "kind", "resources"}


def of_kind(objects: Iterable[Object], *kinds: str) -> list[Object]:
    """The objects of some kinds."""
    return [each for each in objects if each["kind"] in kinds]


def name_of(each: Object) -> str:
    """kind/name."""
    return f"{each['kind']}/{each['metadata']['name']}"


def schema_faults(each: Object) -> list[str]:
    """What is against the object's schema: one of deploy/kubernetes/schemas, or Kubernetes' own."""
    schema = _schemas().get((each["kind"], each["apiVersion"]))
    if schema is None:
        return _built_in_faults(each)
    validator = jsonschema.Draft202012Validator(schema)
    return [f"{name_of(each)}: {e.json_path}: {e.message}" for e in validator.iter_errors(each)]


def _built_in_faults(each: Object) -> list[str]:
    faults = []
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(each, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            faults.append(f"{name_of(each)}: Kubernetes {version}: {error}")
        except kubernetes_validate.SchemaNotFoundError:
            faults.append(f"{name_of(each)}: neither Kubernetes {version} nor schemas/ knows it")
    return faults


@cache
def _schemas() -> Mapping[tuple[str, str], Object]:
    files = (KUBERNETES / "schemas").glob("*.yaml")
    schemas = (yaml.load(path.read_text(), yaml.CSafeLoader) for path in files)
    return {
        (each["properties"]["kind"]["const"], each["properties"]["apiVersion"]["const"]): each
        for each in schemas
    }
