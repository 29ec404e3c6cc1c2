"""A lesson's own functions and classes, without its runs."""

import ast
from pathlib import Path

import jupytext

ROOT = Path(__file__).resolve().parent.parent
MADE = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)


def tools_of(lesson: str) -> dict[str, object]:
    """Names that a lesson imports or defines, as a dict; what its cells compute is left out."""
    source = "\n".join(
        cell.source
        for cell in jupytext.read(ROOT / "lessons" / f"{lesson}.py").cells
        if cell.cell_type == "code"
    )
    tree = ast.parse(source)
    tree.body = [node for node in tree.body if isinstance(node, MADE)]
    names: dict[str, object] = {"__name__": "__main__"}
    exec(compile(tree, lesson, "exec"), names)
    return names
