"""Components from outside Python that a test needs, such as redis-server.

A test asks with `require`. Missing, it is skipped with a reason that begins with MISSING, which
tests/conftest.py turns into a failure in CI: there nothing may be left untested in silence.
"""

import os
import shutil

import pytest

MISSING = "missing component"


def require(command: str) -> str:
    """Return the path of `command`, or skip the calling test or module and say what is missing."""
    # Debian keeps servers in sbin, which a user's PATH lacks.
    path = shutil.which(command, path=os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"]))
    if path is None:
        pytest.skip(
            f"{MISSING} {command}: `make test` installs it where it may", allow_module_level=True
        )
    return path
