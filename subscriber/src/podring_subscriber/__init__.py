"""The subscriber pod's program: a topic to standard output or a file, or only counted.

`podring-subscriber TOPIC` receives messages in batches (`receive`), tells of those that it lost
(`losses`), and writes the rest (`sink`) in the form that `podring.cli.framing` gives them.
`__main__` holds its options and puts these together. It knows `podring`, and not the publisher.
"""
