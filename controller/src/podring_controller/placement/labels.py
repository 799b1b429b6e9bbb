"""The label that stands for a topic on a pod, whatever the topic's name.

    topic.podring.io/camera.front: publishes

A topic's name may have 200 characters and end with `.`, `-` or `_`; the name in a label's key may
have 63, and ends with a letter or digit. So what no label may end with is cut off, and of what is
then too long the first and the last 31 characters stay, with `_` between them. CEL has no hash to
tell more names apart. Two topics that share a label are put together without need, and that is all.
"""

from __future__ import annotations

PREFIX = "topic.podring.io/"
NAME_MAX = 63
_KEPT = 31


def label_of(topic: str) -> str:
    """The key of the label of a topic with a valid name."""
    name = topic.rstrip("._-")
    if len(name) > NAME_MAX:
        name = f"{name[:_KEPT]}_{name[-_KEPT:]}"
    return PREFIX + name
