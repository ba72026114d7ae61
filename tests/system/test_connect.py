"""Callers by HTTP without anything of ours: curl, and the stock Connect client of Node."""

import json
import subprocess
from pathlib import Path
from typing import Any

import grpc_tools
import pytest
from google.rpc import error_details_pb2
from grpc_tools import protoc

from campus.platform import Platform
from tests import node
from tests.contract.tools import need

HERE = Path(__file__).parent / "connect"
ROOT = Path(__file__).parents[2]
SERVICE = "tandem.catalog.v1.CatalogService"


@pytest.fixture(scope="module")
def token(platform: Platform) -> str:
    return platform.identity.mint("registrar", ["registrar"])


def curl(platform: Platform, token: str, method: str, body: str) -> tuple[int, Any]:
    """The status and JSON that a call by curl ends with, as README.md shows it."""
    command = [
        need("curl"),
        *("--silent", "--write-out", "\n%{http_code}"),
        f"{platform.url('catalog')}/{SERVICE}/{method}",
        *("--header", f"authorization: Bearer {token}"),
        *("--header", "content-type: application/json"),
        *("--data", body),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found, _, status = done.stdout.rpartition("\n")
    return int(status), json.loads(found)


def test_curl_calls_a_service(platform: Platform, token: str) -> None:
    """An answer and an error, by nothing but curl."""
    course = {"requestId": "curl-1", "code": "CURL-1", "title": "\u00dcber Wellen"}
    status, made = curl(platform, token, "CreateCourse", json.dumps(course))
    assert (status, made["title"]) == (200, "\u00dcber Wellen")
    again = curl(platform, token, "CreateCourse", json.dumps(course))
    assert again == (200, made)
    status, error = curl(platform, token, "GetCourse", '{"courseId": "none"}')
    assert (status, error["code"]) == (404, "not_found")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the client and what it needs, as locked."""
    folder = node.installed(HERE, tmp_path_factory.mktemp("node"))
    descriptors(folder / "contracts.binpb")
    return folder


def descriptors(target: Path) -> None:
    """Write the catalog's contract and the errors' details, as every protoc would."""
    googles = Path(error_details_pb2.__file__).parents[2]
    folders = [ROOT / "protos", Path(grpc_tools.__file__).parent / "_proto", googles]
    command = ["protoc", *(f"-I{each}" for each in folders), f"--descriptor_set_out={target}"]
    files = ["tandem/catalog/v1/catalog.proto", "google/rpc/error_details.proto"]
    assert protoc.main([*command, "--include_imports", *files]) == 0


@pytest.mark.parametrize("form", ["json", "binary"])
def test_the_stock_connect_client_calls_a_service(
    platform: Platform, token: str, client: Path, form: str
) -> None:
    """Answers, errors, their details and headers come as the protocol has them."""
    url = platform.url("catalog")
    results = json.loads(node.run(client, "call.mjs", "contracts.binpb", url, token, form))
    assert results["created"]["ok"]["title"] == "\u00dcber Wellen"
    assert results["faulty"]["code"] == "InvalidArgument"
    assert {"code", "title"} <= set(results["faulty"]["fields"])
    assert results["absent"]["code"] == "NotFound"
    assert results["stranger"]["code"] == "Unauthenticated"
    assert all(results[name]["requestId"] for name in ("faulty", "absent", "stranger"))
