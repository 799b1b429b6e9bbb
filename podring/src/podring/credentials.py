"""The token that says who we are to the broker, from where the environment says it lies.

    PODRING_TOKEN_FILE   a file that holds it, read for each call: Kubernetes changes it every hour
    PODRING_TOKEN        the token itself, where there is no such file

The file comes first: somebody mounted it on purpose. No error here shows anything of a token.
"""

from __future__ import annotations

import os
import re

from podring.errors import NotAllowed

_TOKEN = re.compile(r"[!-~]{1,16384}", re.ASCII)


def token() -> str | None:
    """Our token; None when nobody gave us one.

    raises  NotAllowed when there should be one, and it cannot be read or is none
    """
    path = os.environ.get("PODRING_TOKEN_FILE")
    if path:
        try:
            with open(path, "rb") as file:
                text = file.read(1 << 16).decode("ascii", "replace")
        except OSError as error:
            raise NotAllowed(
                401, f"PODRING_TOKEN_FILE {path} cannot be read: {error.strerror}"
            ) from None
        return _checked(text.strip(), f"the file {path} (PODRING_TOKEN_FILE)")
    given = os.environ.get("PODRING_TOKEN", "").strip()
    return _checked(given, "PODRING_TOKEN") if given else None


def _checked(text: str, where: str) -> str:
    if _TOKEN.fullmatch(text):
        return text
    raise NotAllowed(
        401, f"{where} holds no token: one is a line of printable characters without spaces"
    )
