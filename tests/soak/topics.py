"""The topics of a run: small and large, overwriting and waiting, long-lived and often deleted."""

from __future__ import annotations

from dataclasses import dataclass

from podring import TopicSpec


@dataclass(frozen=True)
class SoakTopic:
    """A topic, how often workers choose it, and how often it is deleted."""

    name: str
    spec: TopicSpec
    weight: int = 2
    deleted: int = 1
    longest: int = 1000  # bytes of most messages; a few are as long as the topic takes


TOPICS = (
    SoakTopic("tiny", TopicSpec("64Ki", "1Ki"), longest=300),
    SoakTopic("middle", TopicSpec("2Mi", "64Ki"), weight=3),
    SoakTopic("large", TopicSpec("32Mi", "512Ki"), longest=4000),
    SoakTopic("flicker", TopicSpec("256Ki", "4Ki"), deleted=6),
    SoakTopic("block", TopicSpec("1Mi", "16Ki", "block"), weight=3),
    SoakTopic("block.tiny", TopicSpec("64Ki", "1Ki", "block"), longest=300),
    SoakTopic("block.keep", TopicSpec("4Mi", "64Ki", "block", "keep"), longest=4000),
    SoakTopic("block.lease", TopicSpec("256Ki", "4Ki", "block", "go-on", 0.1)),
)
BY_NAME = {topic.name: topic for topic in TOPICS}
