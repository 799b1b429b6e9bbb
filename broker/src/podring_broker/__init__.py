"""The podring broker: one a node, creates topics and remembers them.

It is never on the data path: publishers and subscribers ask it where a topic lies, and from then
on they meet in shared memory. So it may die and come back without anyone noticing.

    __main__    the process: lock, signals          settings   flags and environment (`options`)
    listen      its sockets                         logs       one line an event
    app         wiring of everything below          guard      who calls, and how often (`rates`)
    routes      the HTTP calls                      access     whom a token belongs to
    wanted      what they ask for                   problems   their errors (`refusals`)
    schemas     what they answer                    bodylimit  how long a body may be
    service     what the calls do                   metrics    what Prometheus reads
    holdings    topics in memory (`records`)        budget     how much may be given out
    upkeep      agreement with what is recorded     catalogue  where that is
    reconcile   what to do with what is found       janitor    what happens by itself
    live        a topic's figures                   stalls     who holds publishers up
"""
