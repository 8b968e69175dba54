"""A payment provider that moves no money: a service of its own, for demos and tests.

::

    machine     what a hold may do next: one table, pure            cards      the test cards
    records     what is kept, and its form on disk                  faults     what goes wrong on command
    book        the account: holds, answers by key, events          webhooks   signature, outbox
    api         the JSON language over the book                     pages      the hosted pages as text
    port        the payment port, spoken in that language
    app  aio    Litestar routes | sockets, files and timers         client     the port over HTTP

The merchant's side is ``client``; it knows the service by its wire only.
"""
