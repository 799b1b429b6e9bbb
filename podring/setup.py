"""Builds the one compiled module: the C ring and its Cython binding. The rest is in pyproject.toml.

No -march=native: a wheel built here must run on another machine of the same architecture.
"""

from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

RING = "src/podring/ring"
# Every C file of the ring; a leading underscore marks the one that Cython generates.
CORE = sorted(path.as_posix() for path in Path(RING).glob("[!_]*.c"))

extension = Extension(
    "podring.ring._ring",
    sources=[f"{RING}/_ring.pyx", *CORE],
    # The Cython too: a source distribution carries what is named here, and must build by itself.
    depends=sorted(
        path.as_posix()
        for pattern in ("_ring.p[xy][dx]", "binding/*.pxi", "*.h")
        for path in Path(RING).glob(pattern)
    ),
    include_dirs=[RING],
    extra_compile_args=[
        "-std=c11",
        "-O3",
        "-Wall",
        "-Wextra",
        # A misspelt atomic would otherwise become a call to nowhere, found when a pod starts.
        "-Werror=implicit-function-declaration",
        # Only PyInit__ring leaves the library, so the compiler may inline the ring's functions.
        "-fvisibility=hidden",
    ],
)

setup(
    ext_modules=cythonize(
        [extension],
        compiler_directives={
            "language_level": "3",
            # A message costs tens of nanoseconds: no function objects, and no index checks
            # beside those that the binding makes by itself.
            "binding": False,
            # Nothing here means anything in another process, and what Cython writes by itself
            # would copy the addresses.
            "auto_pickle": False,
            "boundscheck": False,
            "wraparound": False,
            # With binding off, the docstring is the only place where help() finds a signature.
            "embedsignature": True,
        },
    ),
)
