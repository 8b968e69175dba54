"""The servers that ``bench.wire_layer`` measures, each as its own documentation shows it.

Every one prints its port, answers Heartbeat and MeterValues of OCPP 1.6 after checking
them against the official schema, and ends when its standard input does.
"""
