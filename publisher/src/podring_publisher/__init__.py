"""The publisher pod's program: standard input or files into a topic.

`podring-publisher TOPIC` reads bytes (`source`), cuts them into messages (`podring.cli.framing`),
and publishes them as they come or at a set rate (`podring.cli.pace`). `__main__` holds its options
and puts these together. It knows `podring`, and not the subscriber.
"""
