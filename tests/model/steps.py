"""What a C function does to shared memory, step by step, and what a model says that it does.

A step is an operation and the word that it touches: `store tail`. Models name theirs in comments,
`function: store tail; load wake`, in the order in which they do them.
"""

import re
from pathlib import Path

RING = Path(__file__).parents[2] / "podring/src/podring/ring"
SOURCES = ["core.h", "place.c", "read.c", "ring.c", "room.c", "seek.c", "wait.c", "write.c"]

FUNCTION = re.compile(
    r"^(?!typedef)(?:static )?(?:inline )?[\w ]+?[ *](\w+)\([^;{}]*\) \{\n(.*?)^\}",
    re.MULTILINE | re.DOTALL,
)
COMMENT_OR_MACRO = re.compile(r"/\*.*?\*/|^#.*?$", re.MULTILINE | re.DOTALL)
ACCESS = re.compile(
    r"""\b(?:
        (?P<plain>load|store)_(?:relaxed|acquire|release)\(
      | atomic_(?P<explicit>load|store)_explicit\(
      | atomic_(?P<cas>compare_exchange)_\w+_explicit\(
      | atomic_(?P<swap>exchange)_explicit\(
      | atomic_(?P<add>fetch_add)_explicit\(
      | (?P<copy>copy_shared)\(
      | (?P<wait>futex_wait)\(
      | (?P<wake>futex_wake)\(
      | syscall\(SYS_futex,\ (?P<wake_op>\w+),\ FUTEX_WAKE_OP
      | atomic_thread_fence\(memory_order_(?P<fence>\w+)\)
      | (?P<barrier>full_barrier)\(\)
    )(?=\s*(?P<word>[^,)+]*(?:\[[^\]]*\][^,)+]*)*))""",
    re.VERBOSE,
)
NAMES = {"compare_exchange": "cas", "exchange": "swap", "fetch_add": "add", "copy_shared": "copy",
         "futex_wait": "wait", "futex_wake": "wake"}  # fmt: skip
STEPS = r"(?:load|store|cas|swap|add|copy|wait|wake|fence) \w+"
COMMENT = re.compile(rf"/\* (\w+): ({STEPS}(?:; {STEPS})*)")


def step(found: re.Match[str]) -> str:
    if found["fence"]:
        return f"fence {found['fence']}"
    if found["barrier"]:
        return "fence full"
    if found["wake_op"]:
        return f"wake {found['wake_op']}"
    kind = next(name for name, value in found.groupdict().items() if value and name != "word")
    operation = NAMES.get(found[kind], found[kind])
    word = re.findall(r"\w+", re.sub(r"\[[^\]]*\]", "", found["word"]))[-1]
    return f"{operation} {word}"


def steps_of_the_code() -> dict[str, list[str]]:
    functions: dict[str, list[str]] = {}
    for source in SOURCES:
        text = re.sub(
            r"/\*.*?\*/|^#.*?$", "", (RING / source).read_text(), flags=re.MULTILINE | re.DOTALL
        )
        for name, body in FUNCTION.findall(text):
            functions[name] = [step(found) for found in ACCESS.finditer(body)]
    return functions


def steps_of_the_model(model: Path) -> dict[str, list[str]]:
    functions: dict[str, list[str]] = {}
    for name, steps in COMMENT.findall(model.read_text()):
        functions.setdefault(name, []).extend(steps.split("; "))
    return functions
