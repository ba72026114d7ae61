"""Put together what an image has of Tandem: assemble.py SERVICE TARGET, in the source's root.

The chassis, the contracts, one service, the program `service` that runs its roles, and metadata by
which the installed version is known. "demo-data" is no service: its program is campus.seed. "tools"
is none, either: its program is the `tandem` command, which knows all services. "sessions-solver"
has the service sessions, for its role solver.
"""

import shutil
import sys
import tomllib
from pathlib import Path

PROGRAM = '''#!/venv/bin/python
"""Does what `python -m {module}` does."""

import runpy

runpy.run_module("{module}", run_name="__main__", alter_sys=True)
'''
DEMO_DATA, TOOLS = "demo-data", "tools"
SERVICES = {"sessions-solver": "sessions"}
"""The services of the images that are not named like theirs."""


def main(service: str, target: Path) -> None:
    """Copy, and write the program and the metadata. Raises where there is no such service."""
    shutil.copytree("chassis", target / "chassis")
    shutil.copytree("protos/gen/tandem", target / "tandem")
    program = target / "service"
    program.write_text(PROGRAM.format(module=_copy(service, target)))
    program.chmod(0o755)
    _describe(target)


def _copy(service: str, target: Path) -> str:
    """Copy what is the image's own; answers the module that it runs."""
    if service == DEMO_DATA:
        shutil.copytree("campus", target / "campus")
        return "campus.seed"
    if service == TOOLS:
        for package in ("campus", "services", "timetabler"):
            shutil.copytree(package, target / package)
        return "campus"
    service = SERVICES.get(service, service)
    shutil.copytree(f"services/{service}", target / "services" / service)
    shutil.copy("services/__init__.py", target / "services")
    if service == "sessions":  # its solver checks timetables by the timetabler's rules
        shutil.copytree("timetabler", target / "timetabler")
    return f"services.{service}"


def _describe(target: Path) -> None:
    """Python's "Recording installed projects" asks for no more than this."""
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    folder = target / f"{project['name']}-{project['version']}.dist-info"
    folder.mkdir()
    lines = ["Metadata-Version: 2.1", f"Name: {project['name']}", f"Version: {project['version']}"]
    (folder / "METADATA").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
