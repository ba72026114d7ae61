"""Check who imports whom: the layers of CONTRIBUTING.md, read from the source.

Usage: import_rules.py [ROOT]   (tells each violation; exits 1 where there is any)
"""

import ast
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOR_TYPES = "(type checkers)"
PACKAGES = ("chassis", "services", "campus", "timetabler")
# grpcio and eventlet stop each other in one process (docs/decisions).
THREADS, GREEN = "grpc", ("nameko", "eventlet", "kombu")
# Packages beside grpc that load it.
GRPC_BESIDE = re.compile(r"grpc_\w+(\..*)?|.+\.\w+_pb2_grpc(\..*)?")


@dataclass(frozen=True)
class Only:
    """Modules that match `who` import the standard library and what `may` names, nothing else."""

    who: str
    """A regular expression; its group `own`, if any, is the service."""
    may: tuple[str, ...]
    """Module prefixes; {own} stands for the service, and a * at the end for any ending."""
    at_load: bool = False
    """True: imports inside of functions are free, for they come later."""


@dataclass(frozen=True)
class Never:
    """Modules that match `who` don't import what `what` matches."""

    who: str
    what: str


_SERVICE = r"services\.(?P<own>\w+)"
_DOMAIN = (
    # JSON as the standard library has it, but faster; it touches nothing else.
    "orjson",
    "chassis.errors",
    "chassis.replicas",
    "chassis.staff",
    "chassis.civil",
    "chassis.runs",
    "chassis.texts",
    "chassis.words",
    "chassis.capabilities",
    "chassis.calendars.entries",
    "services.{own}.domain",
)
LAYERS = (
    Only(r"chassis\.(errors|replicas|staff|civil|texts|capabilities|clock)", ()),
    Only(r"chassis\.operations\.settings", ()),
    Only(r"chassis\.operations\.page_settings", ("chassis.operations.settings",)),
    # It runs in an environment of its own; what its processes share with others needs no package.
    Only(r"timetabler\.(model|__main__)", ("timetabler", "ortools")),
    Only(r"timetabler\.(?!model$|__main__$)\w+", ("timetabler",)),
    Only(r"chassis\.runs", ("chassis.civil",)),
    Only(r"chassis\.words", ("chassis.texts",)),
    Only(r"chassis\.calendars\.entries", ("chassis.civil",)),
    Only(r"chassis\.roles", ("chassis.operations.settings",), at_load=True),
    Only(_SERVICE + r"\.domain(\..+)?", _DOMAIN),
    Only(_SERVICE + r"\.ports(_\w+|\..+)?", (*_DOMAIN, "services.{own}.ports*")),
    Only(
        _SERVICE + r"\.usecases(\..+)?",
        (*_DOMAIN, "services.{own}.ports*", "services.{own}.usecases"),
    ),
    Only(
        _SERVICE + r"\.settings",
        ("chassis.operations.settings", "chassis.operations.page_settings"),
    ),
    Only(
        _SERVICE + r"\.__main__",
        ("chassis.roles", "chassis.operations.settings", "services.{own}.settings"),
        at_load=True,
    ),
)
# What each package of the chassis may import of the chassis; the top level may import all of it.
_ANYWHERE = "errors|clock|ids|replicas|staff|civil|texts|words|runs|capabilities"
_LOWER = f"{_ANYWHERE}|context|operations|contracts"
BORDERS = (
    Never(r"chassis\.ids", r"chassis\..+"),
    Never(
        r"chassis\.(?P<own>context|operations|contracts)(\..+)?",
        rf"chassis\.(?!({{own}}|{_ANYWHERE})(\.|$)).+",
    ),
    Never(r"chassis\.data(\..+)?", rf"chassis\.(?!(data|{_LOWER})(\.|$)).+"),
    Never(
        r"chassis\.(?P<own>messaging|edge|jobs)(\..+)?",
        rf"chassis\.(?!({{own}}|data|{_LOWER})(\.|$)).+",
    ),
    Never(r"chassis\.calendars(\..+)?", rf"chassis\.(?!(calendars|{_ANYWHERE})(\.|$)).+"),
    Never(
        r"chassis\.resync(\..+)?", rf"chassis\.(?!(resync|messaging|jobs|data|{_LOWER})(\.|$)).+"
    ),
    Never(r"chassis\.archive(\..+)?", rf"chassis\.(?!(archive|messaging|data|{_LOWER})(\.|$)).+"),
    Never(
        r"chassis\.privacy(\..+)?",
        rf"chassis\.(?!(privacy|jobs|messaging|data|{_LOWER})(\.|$)).+",
    ),
    Never(r"chassis(\..+)?", r"(services|campus|tests|bench)(\..+)?"),
    Never(r"chassis(\..+)?", r"tandem\.(?!options\.|types\.)\w+\..+"),
    Never(_SERVICE + r"(\..+)?", r"services\.(?!{own}(\.|$))\w+.*"),
    Never(_SERVICE + r"(\..+)?", r"(campus|tests|bench)(\..+)?"),
    Never(r"campus(\..+)?", r"(tests|bench)(\..+)?"),
)


@dataclass(frozen=True)
class Import:
    """One imported name, with its place."""

    target: str
    line: int
    function: str
    """The outermost function, or "" where it runs as the module is loaded."""

    @property
    def at_load(self) -> bool:
        """Whether it runs as the module is loaded."""
        return not self.function


def violations(root: Path) -> list[str]:
    """Every import below `root` that the layers don't allow, as "module:line: what"."""
    modules = {name: list(_imports(name, path)) for name, path in _modules(root)}
    found = [
        text
        for name, imports in sorted(modules.items())
        for each in imports
        for text in _broken(name, each)
    ]
    return found + list(_mixtures(modules))


def _broken(name: str, each: Import) -> Iterator[str]:
    place = f"{name}:{each.line}: imports {each.target}"
    for layer in LAYERS:
        match = re.fullmatch(layer.who, name)
        if match and (each.at_load or not layer.at_load) and not _may(layer, match, each.target):
            yield f"{place}; allowed are the standard library {' '.join(_names(layer, match))}"
    for border in BORDERS:
        match = re.fullmatch(border.who, name)
        if match and re.fullmatch(_own(border.what, match), each.target):
            yield f"{place}, which this module must not import"


def _may(layer: Only, match: re.Match[str], target: str) -> bool:
    if target.split(".")[0] in sys.stdlib_module_names:
        return True
    return any(f"{target}.".startswith(_prefix(name)) for name in _names(layer, match))


def _prefix(name: str) -> str:
    return name.removesuffix("*") if name.endswith("*") else f"{name}."


def _names(layer: Only, match: re.Match[str]) -> list[str]:
    return [_own(name, match) for name in layer.may]


def _own(text: str, match: re.Match[str]) -> str:
    return text.replace("{own}", match.groupdict().get("own") or "")


def _mixtures(modules: Mapping[str, list[Import]]) -> Iterator[str]:
    """Modules, and their functions, that bring grpc and an eventlet library into one process."""
    runtimes = _runtimes(modules)
    for name in sorted(modules):
        functions = {each.function for each in modules[name]} - {"", FOR_TYPES}
        for function in ["", *sorted(functions)]:
            run = [each for each in modules[name] if each.function in ("", function)]
            loaded = _brought(run, runtimes)
            green = sorted(loaded.intersection(GREEN))
            if THREADS in loaded and green:
                place = f"{name}.{function}" if function else name
                yield f"{place}: loads grpc and {', '.join(green)} into one process"
                break


def _runtimes(modules: Mapping[str, list[Import]]) -> Mapping[str, set[str]]:
    """What each module loads of grpc and the eventlet libraries, through however many others."""
    found: Mapping[str, set[str]] = {name: set() for name in modules}
    at_load = {name: [e for e in imports if e.at_load] for name, imports in modules.items()}
    while True:  # each round goes one module further
        further = {name: _brought(imports, found) for name, imports in at_load.items()}
        if further == found:
            return found
        found = further


def _brought(imports: Sequence[Import], runtimes: Mapping[str, set[str]]) -> set[str]:
    """What some imports load of grpc and the eventlet libraries, as far as modules are known to."""
    found = {runtime for each in imports if (runtime := _runtime(each.target))}
    for each in imports:
        # "a.b.c" may be the module c of a.b, or the name c in a.b
        for module in (each.target, each.target.rpartition(".")[0]):
            found |= runtimes.get(module, set())
    return found


@cache
def _runtime(target: str) -> str:
    """The one of grpc and the eventlet libraries that a module belongs to; "" if to none."""
    if GRPC_BESIDE.fullmatch(target):
        return THREADS
    package = target.split(".")[0]
    return package if package in (THREADS, *GREEN) else ""


def _modules(root: Path) -> Iterator[tuple[str, Path]]:
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def _imports(name: str, path: Path) -> Iterator[Import]:
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node, function in _nodes(ast.parse(path.read_text(), str(path)), ""):
        for target in _targets(node, package):
            yield Import(target, node.lineno, function)


def _nodes(tree: ast.AST, function: str) -> Iterator[tuple[ast.Import | ast.ImportFrom, str]]:
    """Each import below a node with its outermost function; a block for type checkers counts as
    one, and never runs.
    """
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node, function
        elif isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):  # no expression has
            yield from _nodes(node, function or _name(node))


def _name(node: ast.AST) -> str:
    """The name of a function, or of a block for type checkers; "" of all else."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return node.name
    return FOR_TYPES if _for_types(node) else ""


def _targets(node: ast.Import | ast.ImportFrom, package: str) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    base = node.module or ""
    if node.level:
        parents = package.split(".")[: len(package.split(".")) - node.level + 1]
        base = ".".join([*parents, base] if base else parents)
    return [f"{base}.{alias.name}" for alias in node.names]


def _for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


if __name__ == "__main__":
    found = violations(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT)
    print("\n".join(found))
    sys.exit(1 if found else 0)
