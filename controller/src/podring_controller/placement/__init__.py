"""Placement: publishers and subscribers of a topic on one node, by pod affinity at admission.

    annotations   what a pod's annotations say: its topics, and how strongly it wants that
    labels        the label that stands for a topic, whatever the topic's name
    affinity      a pod to the JSON patch that adds labels and affinity; pure
    review        an admission review to its answer, which holds that patch; pure
    certificates  what the webhook is trusted by
    webhook       the server that an API server asks

`deploy/placement` holds the same rules in CEL, for API servers that have MutatingAdmissionPolicy;
a shared table of examples in the tests keeps the two from disagreeing. See docs/placement.md.
"""
