"""The podring broker: one a node, creates topics and remembers them.

It is never on the data path: publishers and subscribers ask it where a topic lies, and from then
on they meet in shared memory. So it may die and come back without anyone noticing.

    __main__    the process: settings, lock, sockets, signals
    app         wiring of everything below          janitor    what happens by itself
    routes      the HTTP calls                      metrics    what Prometheus reads
    schemas     their bodies                        problems   their errors
    service     what the calls ask for              live       a topic's figures
    holdings    topics in memory, and how they change
    upkeep      agreement with catalogue and segments
    reconcile   what to do with what is found at the start
    budget      how much memory may be given out    catalogue  where topics are recorded
    settings    flags and environment               logs       one line an event
"""
