"""evouch vouches for who is at the electric-vehicle charging plug.

The package is built in floors; imports only ever point down:

====  ==================================  ==========================================
5     ``web``  ``cli``                    pages, operator API, commands
4     ``station``  ``cpo``                actors: they meet on a wire, never in code
3     ``store``                           what is remembered: ports, memory, SQL
2     ``webpayment`` | ``ocpp`` ``psp``   features | languages, none knows another
1     ``charging``                        what charging is, in neutral words
0     ``errors ids units clock wire``     no dependency but msgspec
====  ==================================  ==========================================

``testing`` holds the doubles that tests and demos use; it is public on purpose.
"""
