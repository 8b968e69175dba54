"""What charging is, in neutral words: no OCPP, no OCPI, no provider's API."""
