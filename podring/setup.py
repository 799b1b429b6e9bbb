"""Builds the one compiled module: the C ring and its Cython binding. The rest is in pyproject.toml.

No -march=native: a wheel built here must run on another machine of the same architecture.
"""

from Cython.Build import cythonize
from setuptools import Extension, setup

RING = "src/podring/ring"

extension = Extension(
    "podring.ring._ring",
    sources=[f"{RING}/_ring.pyx", f"{RING}/ring.c"],
    depends=[f"{RING}/layout.h", f"{RING}/ring.h"],
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
            "boundscheck": False,
            "wraparound": False,
            # With binding off, the docstring is the only place where help() finds a signature.
            "embedsignature": True,
        },
    ),
)
