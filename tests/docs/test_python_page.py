"""docs/python.md names every public class, call and error of the library as the code has it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import podring
from podring import errors
from tests.docs.pages import ROOT, rows

PAGE = ROOT / "docs" / "python.md"
LIBRARY = ROOT / "podring" / "src" / "podring"
STUB = LIBRARY / "ring" / "_ring.pyi"

INTERNAL = {"abandon", "mapping", "slot", "max_message_bytes", "size_bytes", "__init__"}
"""Public by name, and of no use to anyone but podring's own modules."""

CLASSES = {
    "Publisher": [(STUB, "Handle"), (STUB, "Writer"), (LIBRARY / "publisher.py", "Publisher")],
    "Subscriber": [(STUB, "Handle"), (STUB, "Reader"), (LIBRARY / "subscriber.py", "Subscriber")],
    "Loan": [(STUB, "Loan")],
    "Message": [(STUB, "Message")],
}


def class_in(file: Path, name: str) -> ast.ClassDef:
    module = ast.parse(file.read_text())
    return next(n for n in module.body if isinstance(n, ast.ClassDef) and n.name == name)


def signature(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """A function's parameters as the page writes them: without self and annotations."""
    arguments = function.args
    for one in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
        one.annotation = None
    text = re.sub(r"^self(, /, |, |$)", "", ast.unparse(arguments)).replace("'", '"')
    return f"{function.name}({text})"


def is_property(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(isinstance(d, ast.Name) and d.id == "property" for d in function.decorator_list)


def members(name: str) -> set[str]:
    """Public calls and properties of a class, with what it inherits from the compiled ones."""
    found: dict[str, str] = {}
    for file, part in CLASSES[name]:
        for node in class_in(file, part).body:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            if not node.name.startswith("_") and node.name not in INTERNAL:
                found[node.name] = node.name if is_property(node) else signature(node)
    return set(found.values())


def code_in(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def calls_below(heading: str) -> set[str]:
    """The first column of the table of calls below a heading."""
    text = PAGE.read_text()
    start = re.search(rf"^#+ {heading}$", text, re.MULTILINE)
    assert start is not None
    table = text.index("| call | gives |", start.end())
    lines = text[table:].splitlines()[2:]
    cells = [line.split("|")[1] for line in lines[: lines.index("")]]
    return {each for cell in cells for each in code_in(cell)}


@pytest.mark.parametrize("name", CLASSES)
def test_the_page_has_every_member_of_a_class_with_its_signature(name: str) -> None:
    # An attribute that __init__ sets: no declaration to be found.
    assert calls_below(name) - {"record"} == members(name)


def test_every_member_on_the_page_is_there_when_the_library_runs() -> None:
    for name in ("Publisher", "Subscriber"):
        for call in calls_below(name) - {"record"}:
            assert hasattr(getattr(podring, name), call.partition("(")[0])


@pytest.mark.parametrize(
    ("name", "file"), [("Publisher", "publisher.py"), ("Subscriber", "subscriber.py")]
)
def test_the_page_opens_publisher_and_subscriber_as_they_are_opened(name: str, file: str) -> None:
    body = class_in(LIBRARY / file, name).body
    init = next(n for n in body if isinstance(n, ast.FunctionDef) and n.name == "__init__")
    init.name = name
    assert f"`{signature(init)}`" in PAGE.read_text()


def test_the_page_has_the_topic_calls_with_their_signatures() -> None:
    module = ast.parse((LIBRARY / "client.py").read_text())
    names = set(podring._FROM_CLIENT)
    wanted = {
        signature(n) for n in module.body if isinstance(n, ast.FunctionDef) and n.name in names
    }
    assert calls_below("Topics") == wanted


def test_the_page_shows_the_defaults_of_a_spec() -> None:
    spec = class_in(LIBRARY / "topic.py", "TopicSpec")
    fields = [n for n in spec.body if isinstance(n, ast.AnnAssign)]
    shown = [f"{ast.unparse(n.target)}={ast.unparse(n.value or n.target)}" for n in fields]
    assert f"`TopicSpec({', '.join(shown)})`".replace("'", '"') in PAGE.read_text()


def test_the_page_has_every_error_with_what_else_it_is() -> None:
    shown = {code_in(row[0])[0]: code_in(row[1]) for row in rows(PAGE, "Errors")}
    there = {
        name: [base.__name__ for base in kind.__bases__ if base is not errors.PodringError]
        for name, kind in vars(errors).items()
        if isinstance(kind, type)
        and issubclass(kind, errors.PodringError)
        and kind is not errors.PodringError
    }
    assert shown == there


def test_everything_that_is_exported_is_on_the_page() -> None:
    text = PAGE.read_text()
    assert [name for name in podring.__all__ if name not in text] == []
