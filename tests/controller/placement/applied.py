"""RFC 6902 as far as placement uses it, so that tests can look at the patched pod."""

import copy
from typing import Any


def apply(patch: list[dict[str, Any]], pod: dict[str, Any]) -> dict[str, Any]:
    """The pod after the operations; KeyError where a parent is missing, as an API server fails."""
    result = copy.deepcopy(pod)
    for operation in patch:
        assert operation["op"] == "add"
        *parents, last = [unescape(part) for part in operation["path"].split("/")[1:]]
        target: Any = result
        for part in parents:
            target = target[part]
        if last == "-":
            target.append(copy.deepcopy(operation["value"]))
        else:
            target[last] = copy.deepcopy(operation["value"])
    return result


def unescape(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~")
