"""Every setting of the broker, once: its flag, its environment variable, its default, its meaning.

The command line, `--help` and docs/configuration.md all come from `OPTIONS`; what they become is
in `settings`.
"""

from __future__ import annotations

from dataclasses import dataclass

from podring_broker import budget

NODE_SOCKET = "/run/podring/broker.sock"
SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
LEVELS = ("debug", "info", "warning", "error")
METHODS = ("none", "tokens", "tokenreview")


@dataclass(frozen=True, slots=True)
class Option:
    """One setting, as people are told about it. `default` is text to read, not always a value."""

    flag: str
    variable: str
    value: str
    default: str
    meaning: str


OPTIONS = (
    Option("--host", "PODRING_HOST", "ADDRESS", "127.0.0.1", "TCP address to listen on"),
    Option("--port", "PODRING_PORT", "NUMBER", "7070", "TCP port to listen on; 0 takes a free one"),
    Option(
        "--socket",
        "PODRING_SOCKET",
        "PATH",
        f"{NODE_SOCKET} where its folder can be made, else none",
        "Unix socket to listen on as well; 'none' for none",
    ),
    Option(
        "--socket-mode",
        "PODRING_SOCKET_MODE",
        "MODE",
        "666",
        "rights on the Unix socket, in octal: who may connect. With none for others, such as 660, "
        "no token is asked there",
    ),
    Option(
        "--authenticate",
        "PODRING_AUTHENTICATE",
        "METHOD",
        "none on a loopback address; on any other it must be said",
        "how callers are known: none, tokens (a file) or tokenreview (Kubernetes)",
    ),
    Option(
        "--tokens",
        "PODRING_TOKENS",
        "FILE",
        "none",
        "for tokens: the file of hashed tokens and their rights, read again when it changes; "
        "`podring-broker token` makes its lines",
    ),
    Option(
        "--audience",
        "PODRING_AUDIENCE",
        "NAME",
        "podring",
        "for tokenreview: whom a service account's token must be made for",
    ),
    Option(
        "--managers",
        "PODRING_MANAGERS",
        "USER[,USER…]",
        "nobody",
        "for tokenreview: who may create and delete topics, such as "
        "system:serviceaccount:podring-system:podring-controller",
    ),
    Option(
        "--api-server",
        "PODRING_API_SERVER",
        "URL",
        "the one that Kubernetes tells its pods",
        "for tokenreview: the Kubernetes API server, https://HOST:PORT",
    ),
    Option(
        "--service-account",
        "PODRING_SERVICE_ACCOUNT",
        "FOLDER",
        SERVICE_ACCOUNT,
        "for tokenreview: where the broker's own token and ca.crt are",
    ),
    Option(
        "--publishers-group",
        "PODRING_PUBLISHERS_GROUP",
        "GID",
        "everybody",
        "number of the group whose members may write to rings; others on the node may only read",
    ),
    Option(
        "--catalogue",
        "PODRING_CATALOGUE",
        "URL",
        "sqlite:// in a state folder ($STATE_DIRECTORY, else /var/lib/podring for root, else "
        "podring in $XDG_STATE_HOME)",
        "where topics are recorded: memory:, sqlite:///PATH, redis://HOST:PORT/N or "
        "unix:///PATH.sock?db=N",
    ),
    Option(
        "--budget",
        "PODRING_BUDGET",
        "SIZE",
        f"{budget.SHARE} % of the smaller of /dev/shm and the cgroup's memory limit",
        "shared memory to give out in all: a quantity such as 4Gi, or a percentage of that smaller "
        "one such as 30%",
    ),
    Option(
        "--max-topics",
        "PODRING_MAX_TOPICS",
        "NUMBER",
        "10000",
        "how many topics there may be",
    ),
    Option(
        "--max-rate",
        "PODRING_MAX_RATE",
        "NUMBER",
        "100",
        "calls a second that each caller may make in the long run, and ten times as many at once; "
        "0 for no bound",
    ),
    Option(
        "--node",
        "PODRING_NODE",
        "NAME",
        "the host's name",
        "this node's name: keeps apart the nodes that share one Redis, so it must differ on each",
    ),
    Option(
        "--log-level",
        "PODRING_LOG_LEVEL",
        "LEVEL",
        "info",
        "least level that is logged: " + ", ".join(LEVELS),
    ),
)
