"""OCPP 1.6J, 2.0.1 and 2.1: from bytes to the neutral dialogue and back.

Read in this order: ``versions`` and ``schemas`` (what each version can say), ``frames``,
``events`` and ``rpc`` (one end of one connection, without I/O), ``payloads``,
``tolerances`` and ``refusals`` (what fits, what is forgiven, how the rest is refused), the
translators, ``conversation`` (one live connection), ``aio`` (sockets).
"""
