"""Tests that the modules of the worker have no import cycle. Imports inside functions count too."""

from __future__ import annotations

import ast
import unittest
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src"
PACKAGE = "troupe_worker"


def read_modules() -> dict[str, Path]:
    """Returns the file of every module by the module's name. A package has the name of its folder."""
    modules: dict[str, Path] = {}
    for path in (SOURCE / PACKAGE).rglob("*.py"):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return modules


def imported_modules(name: str, path: Path, modules: Mapping[str, Path]) -> set[str]:
    """Returns the modules of the worker that a module imports, at the top level or inside functions."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            members = {f"{source}.{alias.name}" for alias in node.names}
            # In `from package import name`, the name is a submodule, or else a name that the package defines.
            found |= {member if member in modules else source for member in members}
    return (found & set(modules)) - {name}


def first_cycle(imports: Mapping[str, set[str]]) -> list[str]:
    """Returns the modules of one import cycle; an empty list if there is no cycle."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        cycle: list[str] = error.args[1]
        return cycle
    return []


class ImportsTest(unittest.TestCase):
    def test_there_is_no_import_cycle(self) -> None:
        modules = read_modules()
        imports = {name: imported_modules(name, path, modules) for name, path in modules.items()}
        self.assertIn(f"{PACKAGE}.service", imports[f"{PACKAGE}.cluster.actor"])  # imported inside a function
        self.assertEqual(first_cycle(imports), [])

    def test_finds_a_cycle(self) -> None:
        self.assertEqual(set(first_cycle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})), {"a", "b", "c"})


if __name__ == "__main__":
    unittest.main()
