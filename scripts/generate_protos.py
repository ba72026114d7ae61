"""Generate the committed stubs in protos/gen from the contracts in protos/tandem.

Usage: generate_protos.py [OUTPUT]   (OUTPUT defaults to protos/gen)
"""

import shutil
import sys
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "protos"
WELL_KNOWN = Path(grpc_tools.__file__).parent / "_proto"


def generate(output: Path) -> None:
    """Write the stubs of every contract below `output`, replacing what is there."""
    shutil.rmtree(output / "tandem", ignore_errors=True)
    output.mkdir(parents=True, exist_ok=True)
    contracts = sorted(str(path.relative_to(SOURCE)) for path in SOURCE.glob("tandem/**/*.proto"))
    plugins = Path(sys.executable).parent
    arguments = [
        "protoc",
        f"--proto_path={SOURCE}",
        f"--proto_path={WELL_KNOWN}",
        f"--plugin=protoc-gen-mypy={plugins / 'protoc-gen-mypy'}",
        f"--plugin=protoc-gen-mypy_grpc={plugins / 'protoc-gen-mypy_grpc'}",
        f"--python_out={output}",
        f"--grpc_python_out={output}",
        f"--mypy_out=quiet:{output}",
        f"--mypy_grpc_out=quiet:{output}",
        *contracts,
    ]
    if protoc.main(arguments) != 0:
        raise SystemExit("protoc refused the contracts")
    for folder in [output / "tandem", *(output / "tandem").glob("**/")]:
        (folder / "__init__.py").touch()
    for stub in output.glob("tandem/**/*_pb2_grpc.py*"):
        _drop_if_no_service(stub)


def _drop_if_no_service(stub: Path) -> None:
    """Remove a gRPC stub of a file that declares no service: it would import grpc for nothing."""
    if "Stub" not in stub.read_text():
        stub.unlink()


if __name__ == "__main__":
    generate(Path(sys.argv[1]) if len(sys.argv) > 1 else SOURCE / "gen")
