"""Examples that Python and CEL must read alike: topics with their labels, pods with their outcome.

The unit tests hold `podring_controller.placement` to them; tests/kubernetes/test_placement.py holds
deploy/placement/policy.yaml to them on a real API server.
"""

from typing import Any, NamedTuple

from podring_controller.placement.annotations import PLACEMENT, PUBLISHES, SUBSCRIBES

A = "a" * 31
Z = "z" * 31

LABELS = {
    # what a label can be stays what it is
    "t": "t",
    "0": "0",
    "camera.front": "camera.front",
    "A_b-C.9": "A_b-C.9",
    "a..b": "a..b",
    "x" * 63: "x" * 63,
    # what a label may not end with is cut off
    "t.": "t",
    "t-": "t",
    "t_._-": "t",
    "a" * 63 + ".": "a" * 63,
    "t" + "." * 199: "t",
    # and what is still too long keeps both ends
    "x" * 64: "x" * 31 + "_" + "x" * 31,
    A + "0123456789" + Z: A + "_" + Z,
    "x" * 200: "x" * 31 + "_" + "x" * 31,
    "0" * 100 + Z + "-": "0" * 31 + "_" + Z,
    A[:-1] + "." + "m" * 50 + "." + Z[:-1]: A[:-1] + "._." + Z[:-1],
}
"""Topic names, and the name in the key of the label that stands for each."""


class Example(NamedTuple):
    """A pod's annotations, and the roles by label that it gets for them; None: it is left alone.

    Required is the first label, where anything is; preferred are the others, in this order.
    """

    annotations: dict[str, str]
    roles: dict[str, str] | None


ANNOTATIONS = {
    "publisher": Example({PUBLISHES: "t"}, {"t": "publishes"}),
    "subscriber": Example({SUBSCRIBES: "t,u"}, {"t": "subscribes", "u": "subscribes"}),
    "both": Example({PUBLISHES: "t", SUBSCRIBES: "u,t"}, {"u": "subscribes", "t": "both"}),
    "required": Example({PUBLISHES: "t", PLACEMENT: "required"}, {"t": "publishes"}),
    "required, of several": Example(
        {PUBLISHES: "t", SUBSCRIBES: "v,u", PLACEMENT: "required"},
        {"v": "subscribes", "u": "subscribes", "t": "publishes"},
    ),
    "preferred": Example({PUBLISHES: "t", PLACEMENT: "preferred"}, {"t": "publishes"}),
    "blanks": Example({SUBSCRIBES: " \t t ,\r\n u\n,, ,"}, {"t": "subscribes", "u": "subscribes"}),
    "repeated": Example({SUBSCRIBES: "t,t, t"}, {"t": "subscribes"}),
    "order": Example({SUBSCRIBES: "b,A,a,B"}, dict.fromkeys("bAaB", "subscribes")),
    "one label, two topics": Example({PUBLISHES: "t.", SUBSCRIBES: "t_"}, {"t": "both"}),
    "most names": Example(
        {SUBSCRIBES: ",".join(f"t{i:02}" for i in range(32))},
        {f"t{i:02}": "subscribes" for i in range(32)},
    ),
    "empty": Example({PUBLISHES: "", SUBSCRIBES: " , "}, None),
    "too many names": Example({PUBLISHES: "t", SUBSCRIBES: "t," * 33}, None),
    "longest text": Example({PUBLISHES: "t" + " " * 8191}, {"t": "publishes"}),
    "text too long": Example({PUBLISHES: "t" + " " * 8192}, None),
    "space inside": Example({PUBLISHES: "t u"}, None),
    "slash": Example({SUBSCRIBES: "t,a/b"}, None),
    "begins with a dot": Example({SUBSCRIBES: ".t"}, None),
    "too long": Example({SUBSCRIBES: "x" * 201}, None),
    "no-break space": Example({SUBSCRIBES: "t,\u00a0u"}, None),
    "vertical tab": Example({SUBSCRIBES: "t\v,u"}, None),
    "umlaut": Example({PUBLISHES: "tür"}, None),
    "one of two unreadable": Example({PUBLISHES: "t", SUBSCRIBES: "u;v"}, None),
    "unknown placement": Example({PUBLISHES: "t", PLACEMENT: "always"}, None),
    "no placement": Example({PUBLISHES: "t", PLACEMENT: ""}, None),
}

BARE: dict[str, Any] = {"containers": [{"name": "c", "image": "i"}]}

OTHER_TERM = {
    "labelSelector": {"matchLabels": {"app": "other"}},
    "topologyKey": "topology.kubernetes.io/zone",
}

AFFINITIES: dict[str, dict[str, Any]] = {
    "none": {},
    "empty": {"affinity": {}},
    "nodes": {
        "affinity": {
            "nodeAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {
                        "weight": 1,
                        "preference": {"matchExpressions": [{"key": "disk", "operator": "Exists"}]},
                    }
                ]
            }
        }
    },
    "anti": {
        "affinity": {
            "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [OTHER_TERM]}
        }
    },
    "empty pods": {"affinity": {"podAffinity": {}}},
    "required": {
        "affinity": {
            "podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [OTHER_TERM]}
        }
    },
    "preferred": {
        "affinity": {
            "podAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {"weight": 7, "podAffinityTerm": OTHER_TERM}
                ]
            }
        }
    },
}
"""Specs with the affinity that a pod may have before placement."""
