"""containerd of the tests' own: folders, socket and images are the machine's, not the host's."""

import json
import shutil
from pathlib import Path

from tests.kubernetes.support import pause
from tests.kubernetes.support.isolation import REAL_PODS
from tests.kubernetes.support.machine import Machine
from tests.kubernetes.support.waiting import wait_until
from tests.support.components import require

PLUGINS = "/usr/lib/cni"

# Without CAP_SYS_RESOURCE nobody may lower an OOM score, so containerd must not try.
CONFIG = """\
version = 2
root = "{folder}/containerd"
state = "/run/containerd"
oom_score = 0

[grpc]
  address = "{socket}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  restrict_oom_score_adj = true

[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "{plugins}"
  conf_dir = "{folder}/cni"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  SystemdCgroup = false
"""

# A cable from each pod to the machine, which routes. No bridge: what passes one may miss NAT.
NETWORK = {
    "cniVersion": "0.4.0",
    "name": "pods",
    "plugins": [
        {
            "type": "ptp",
            "ipam": {
                "type": "host-local",
                "ranges": [[{"subnet": REAL_PODS}]],
                "routes": [{"dst": "0.0.0.0/0"}],
                "dataDir": "/run/cni",
            },
        }
    ],
}


class Containerd:
    """containerd on a machine, started when it is made."""

    def __init__(self, machine: Machine) -> None:
        require("runc")
        require(f"{PLUGINS}/ptp")
        self.machine = machine
        self.socket = "/run/containerd/containerd.sock"
        folder = machine.folder
        (folder / "cni").mkdir()
        (folder / "cni" / "pods.conflist").write_text(json.dumps(NETWORK))
        config = folder / "containerd.toml"
        config.write_text(
            CONFIG.format(folder=folder, socket=self.socket, pause=pause.NAME, plugins=PLUGINS)
        )
        command = [require("containerd"), f"--config={config}"]
        self.program = machine.program("containerd", command)
        self.program.start()
        wait_until("containerd", self._answers, retry=(AssertionError,), timeout_s=30)
        self.load(pause.build(folder))

    def load(self, archive: Path) -> None:
        """Take the images in an archive, so that no pod needs to pull them."""
        self.ctr("images", "import", str(archive))

    def ctr(self, *arguments: str) -> str:
        ctr = shutil.which("ctr") or "ctr"
        return self.machine.run(ctr, f"--address={self.socket}", "--namespace=k8s.io", *arguments)

    def _answers(self) -> bool:
        if not self.program.running:
            raise RuntimeError(self.program.tail())
        self.ctr("version")
        return True
