"""A charging station in software: firmware engineers' counterpart, demo and test instrument.

It speaks facts and hears orders (``charging.dialogue``); which version of OCPP carries them
is decided by whoever hands it a connection.

==================  ======================================================================
``spec``            what kind of station it is, including the oddities of real firmware
``machine``         one EVSE as a table: pure, no clock, no socket
``rules``           which messages follow from a step of that table, per version
``lock``            the web payment lock of one EVSE: pure
``meter``           register and power curve as functions of time: pure
``variables``       settings and their ranges, as tables; ``settings`` reads, sets and reports them
``configuration``   what follows from the settings, in the words of no version
``queue``           transaction messages across an outage: pure
``display``         what the screen shows at an instant: pure
``car``             who the car at an EVSE is, and what its driver is told of that
``charge``          one charge of one car and its limits: pure
``bay``             one EVSE put together: machine, lock, meter, timers (``world``: what it needs)
``orders``          what the station answers to each order (``triggers``: on request)
``timers``          named deadlines on a clock, and the station's own time
``uplink``          connection, boot, heartbeat, delivery of the queue
``app``             :class:`~evouch.station.app.Simulator`: all of it together
``driver``          a scripted person at the plug
==================  ======================================================================
"""
