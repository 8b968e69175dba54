"""Secure dynamic QR codes and the ad hoc payment behind them: pure, no socket, no clock, no database."""
