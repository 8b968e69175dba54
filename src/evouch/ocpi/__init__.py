"""OCPI 2.2.1 and 2.3.0: what charge point operators and eMSPs say to each other."""
