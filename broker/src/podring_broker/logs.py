"""One line an event: JSON for machines, coloured text when somebody looks at a terminal.

An event has a name such as `topic.created` and its facts as keys, so that it can be searched for
without parsing a sentence. What libraries log through `logging` comes out in the same form.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import TextIO, cast

import structlog
from structlog.typing import EventDict, Processor


class _Stderr:
    """Where lines go. When one cannot be written, what it tells of is done all the same.

    A disk may be full, and the reader of a pipe may have gone.
    """

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            sys.stderr.flush()


def configure(level: str) -> None:
    """Send all logs at or above `level` to stderr, one line each."""
    stderr = cast(TextIO, _Stderr())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,  # who called, while a call is worked on
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    number = getattr(logging, level.upper())
    structlog.configure(
        processors=[*shared, *_last()],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(stderr),
    )
    handler = logging.StreamHandler(stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_last()],
        )
    )
    logging.basicConfig(handlers=[handler], level=number, force=True)
    # Below an error it says "Started server process" and the like, for which we have events of our
    # own, and tells to install WebSockets whenever somebody asks for one.
    logging.getLogger("uvicorn.error").setLevel(max(number, logging.ERROR))


def _last() -> list[Processor]:
    if sys.stderr.isatty():
        return [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    renderer = structlog.processors.JSONRenderer(default=repr)
    return [structlog.processors.format_exc_info, _head_first, renderer]


def _head_first(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Begin each line with when, how bad and what, because people read these lines too."""
    return {**{key: event[key] for key in ("timestamp", "level", "event")}, **event}
