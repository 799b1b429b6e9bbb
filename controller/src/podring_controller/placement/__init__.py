"""Placement: publishers and subscribers of a topic on one node, by pod affinity at admission.

    annotations   what a pod's annotations say: its topics, and how strongly it wants that
    labels        the label that stands for a topic, whatever the topic's name
    affinity      a pod to the JSON patch that adds labels and affinity; pure
    webhook       the admission webhook that answers with that patch

`deploy/placement` holds the same rules in CEL, for API servers that have MutatingAdmissionPolicy;
a shared table of examples in the tests keeps the two from disagreeing. See docs/placement.md.
"""
