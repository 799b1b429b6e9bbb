"""`make demo`: a running podring on real input, beside the same stream over TCP sockets.

A broker, one publisher and three subscribers, each a process of its own; and one publisher and
three subscribers that do the same over loopback TCP. They take turns in short slices, so that
whatever else the machine does meets both.

    command        arguments, exit codes          play       who does what, and when
    stage          starts and stops processes     keeper     the broker, and what it leaves
    interrupts     Ctrl-C, at safe points only    tether     no process outlives its parent
    messages       what processes tell each other
    publish        a publisher's process          subscribe  a subscriber's process
    transport      what both sides can do
    shared_memory  the stream through podring     tcp        the same through sockets
    telemetry      the machine's own readings     procfs     how /proc's texts become readings
    files          a file as messages
    source         the input, whichever it is     tape       a part of it, to be repeated
    measure        latencies, CPU seconds         results    what a phase came to
    verdict        what must be true at the end   report     the tables at the end
    neighbours     who else used the processors   words      figures as people read them
    screen         what is seen meanwhile
"""
