"""The contract that import-linter lacks: a package that may import a short list of ours and nothing else of ours.

A `forbidden` contract must name what is forbidden and so says nothing about a module that is written tomorrow.
"""

from __future__ import annotations

from typing import cast

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


def _inside(module: str, packages: list[str]) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)


class OnlyContract(Contract):
    """`package` may import itself, the packages of `may_import`, and whatever is not ours."""

    type_name = "only"

    package = fields.StringField()
    may_import = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Kept when no module of the package imports one of ours outside of the list."""
        # The base class puts the values in the fields' places.
        package, may_import = cast("str", self.package), cast("list[str]", self.may_import)
        if package not in graph.modules:
            raise ValueError(f"the contract {package!r} names a package that is not there")
        allowed = [package, *may_import]
        found = [
            {"importer": importer, "imported": imported, "line": details["line_number"]}
            for importer in sorted({package} | graph.find_descendants(package))
            for imported in sorted(graph.find_modules_directly_imported_by(importer))
            if not graph.is_module_squashed(imported) and not _inside(imported, allowed)
            for details in graph.get_import_details(importer=importer, imported=imported)
        ]
        return ContractCheck(kept=not found, metadata={"found": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """One line for each import that breaks the contract."""
        for link in check.metadata["found"]:
            output.print_error(f"{link['importer']} imports {link['imported']} (line {link['line']})", bold=False)
