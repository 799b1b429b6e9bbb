"""The image of the container that holds a pod's namespaces, made without a registry.

It waits for signals, and reaps what a pod with shared PIDs leaves to it. One static program, one
layer; what others call the pause image.
"""

import hashlib
import io
import json
import subprocess
import tarfile
from pathlib import Path

NAME = "podring.invalid/pause:1"

SOURCE = """
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void end(int number) { (void)number; _exit(0); }
static void reap(int number) { (void)number; while (waitpid(-1, 0, WNOHANG) > 0) { } }

int main(void) {
    signal(SIGTERM, end);
    signal(SIGINT, end);
    signal(SIGCHLD, reap);
    for (;;) pause();
}
"""


def build(folder: Path) -> Path:
    """Write the image as an archive that `ctr images import` and `docker load` take."""
    program = folder / "pause"
    compiler = ["gcc", "-static", "-Os", "-s", "-o", str(program), "-x", "c", "-"]
    subprocess.run(compiler, input=SOURCE, text=True, check=True)
    layer = _tar({"pause": program.read_bytes()})
    digest = hashlib.sha256(layer).hexdigest()
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint": ["/pause"], "User": "65535:65535"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [NAME], "Layers": ["layer.tar"]}]
    files = {
        "layer.tar": layer,
        "config.json": json.dumps(config).encode(),
        "manifest.json": json.dumps(manifest).encode(),
    }
    archive = folder / "pause.tar"
    archive.write_bytes(_tar(files))
    return archive


def _tar(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.mode = 0o755
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
