"""The podring broker: one a node, creates topics and remembers them.

It is never on the data path: publishers and subscribers ask it where a topic lies, and from then
on they meet in shared memory. So it may die and come back without anyone noticing.

    __main__    the process: lock, signals          settings   flags and environment (`options`)
    listen      its sockets                         logs       one line an event
    connections how long one may take               bodylimit  how long a body may be
    app         wiring of everything below          guard      who calls, and how often (`rates`)
    routes      the HTTP calls                      access     whom a token belongs to
    wanted      what they ask for                   problems   their errors (`refusals`)
    schemas     what they answer                    metrics    what Prometheus reads
    service     what the calls do                   budget     how much may be given out
    holdings    topics in memory (`records`)        catalogue  where that is
    upkeep      agreement with what is recorded     janitor    what happens by itself
    reconcile   what to do with what is found       stalls     who holds publishers up
    live        a topic's figures
"""
