"""Benchmarks, named by topology. `make bench` runs them all.

What the numbers do not show: a machine with other neighbours, other sizes of cache, or more work in
the subscriber than comparing bytes. Two processes that do nothing but talk are the best case of
every transport here. Each process is pinned to a processor of its own, because this kind of kernel
may otherwise run both on one. Every scenario checks what arrived, so a fast run that loses or
reorders fails; peers take turns within each repetition, so that drift of the machine hits all.
"""
