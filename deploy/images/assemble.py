"""Put together what an image has of Tandem: assemble.py SERVICE TARGET, in the source's root.

The chassis, the contracts, one service, the program `service` that runs its roles, and metadata by
which the installed version is known.
"""

import shutil
import sys
import tomllib
from pathlib import Path

PROGRAM = '''#!/venv/bin/python
"""Runs a role of services.{service}, as `python -m services.{service}` does."""

import runpy

runpy.run_module("services.{service}", run_name="__main__", alter_sys=True)
'''


def main(service: str, target: Path) -> None:
    """Copy, and write the program and the metadata. Raises where there is no such service."""
    shutil.copytree("chassis", target / "chassis")
    shutil.copytree("protos/gen/tandem", target / "tandem")
    shutil.copytree(f"services/{service}", target / "services" / service)
    shutil.copy("services/__init__.py", target / "services")
    program = target / "service"
    program.write_text(PROGRAM.format(service=service))
    program.chmod(0o755)
    _describe(target)


def _describe(target: Path) -> None:
    """Python's "Recording installed projects" asks for no more than this."""
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    folder = target / f"{project['name']}-{project['version']}.dist-info"
    folder.mkdir()
    lines = ["Metadata-Version: 2.1", f"Name: {project['name']}", f"Version: {project['version']}"]
    (folder / "METADATA").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
