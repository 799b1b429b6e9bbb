"""The controller: turns `Sharedmemory` resources into topics on the nodes' brokers.

It is level-triggered. What is wanted is read from lists of the API server, what there is from
lists of the brokers, and what to do follows from the two; watching only says when to look again.
So nothing is remembered that a restart could lose, and what was missed is found at the next look.

    resource, origin, cluster   what is read: values without I/O
    desired, plan, release,     what follows from it: pure decisions, each a table in its tests
    states, status, colocation
    kube, lane, lanes           the API server and the brokers: all I/O
    reconciler                  the loop that brings them together
    watching                    kopf: watch streams that ring the loop's bell
    placement                   pod affinity at admission; on its own
    process, __main__,          the process
    settings, logs, health

docs/design/0012-controller.md says why it is built this way.
"""
