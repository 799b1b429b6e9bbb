"""What to do with what is found at the start: the broker's segments here, its records there.

The two can differ after any death, and after a reboot or a lost catalogue differ altogether. This
module only decides; `service` acts. So every case is a line in a table that tests read.

    segment                                   record                     then
    half made (its creator died)              any                        remove
    marked deleted (the deletion died)        any of its generation      forget the record, remove
    whole                                     of the same generation     adopt, as recorded
    whole, somebody uses it                   none or of another         adopt, and record again
    whole                                     catalogue lost             adopt, and record again
    whole, what the record asks for           of another generation      adopt, and record again
    whole, nobody uses it                     none or of another         an orphan: remove
    none                                      there is one               make the topic again

Where both know a generation, the record tells what it is: publishers can write to a segment.

A catalogue that does not answer counts as lost, but then nothing is recorded and nothing removed
that is whole; the table is gone through again when the catalogue is back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from podring.segment import Found
from podring.topic import TopicRecord


@dataclass(slots=True)
class Plan:
    """What to do. Each list may be worked off in its order, and the lists from the first on.

    adopt     segments that are topics
    record    those of them that the catalogue must be told about
    finish    deletions to bring to an end: catalogue first, then the segment
    remove    segments to remove, each with the reason
    recreate  records whose topics must be made again
    """

    adopt: list[TopicRecord] = field(default_factory=list)
    record: list[TopicRecord] = field(default_factory=list)
    finish: list[TopicRecord] = field(default_factory=list)
    remove: list[tuple[str, str]] = field(default_factory=list)
    recreate: list[TopicRecord] = field(default_factory=list)


def plan(
    found: Iterable[Found],
    records: Mapping[str, TopicRecord] | None,
    in_use: Callable[[str], bool],
) -> Plan:
    """Decide by the table above.

    records  by topic name; None when the catalogue was lost, or does not answer
    in_use   whether somebody alive is on the roster of a segment
    """
    result = Plan()
    living = _sort_out(found, result)
    for name, candidates in living.items():
        record = None if records is None else records.get(name)
        kept = _choose(candidates, record, lost=records is None, in_use=in_use)
        result.remove += [(each.segment, "orphan") for each in candidates if each is not kept]
        if kept is None:
            continue
        if record is not None and kept.generation == record.generation:
            kept = record
        else:
            result.record.append(kept)
        result.adopt.append(kept)
    settled = {each.name for each in result.adopt}
    ending = {(each.name, each.generation) for each in result.finish}
    for record in (records or {}).values():
        if record.name not in settled and (record.name, record.generation) not in ending:
            result.recreate.append(record)
    return result


def _sort_out(found: Iterable[Found], result: Plan) -> dict[str, list[TopicRecord]]:
    """Note what is half made and half deleted; give back the whole ones by topic."""
    living: dict[str, list[TopicRecord]] = {}
    for each in found:
        if each.record is None:
            result.remove.append((each.segment, "half made"))
        elif each.deleted:
            result.finish.append(each.record)
        else:
            living.setdefault(each.record.name, []).append(each.record)
    return living


def _choose(
    candidates: list[TopicRecord],
    record: TopicRecord | None,
    *,
    lost: bool,
    in_use: Callable[[str], bool],
) -> TopicRecord | None:
    """The one segment among those of a name that is the topic, if any is; newest first."""
    newest_first = sorted(candidates, key=lambda each: each.generation, reverse=True)
    for candidate in newest_first:
        if record is not None and candidate.generation == record.generation:
            return candidate
    for candidate in newest_first:
        if in_use(candidate.segment):
            return candidate
    newest = newest_first[0]
    # Made again, and the broker died before it could record the new generation.
    made_again = record is not None and newest.spec == record.spec
    return newest if lost or made_again else None
