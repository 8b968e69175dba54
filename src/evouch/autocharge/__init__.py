"""Vehicles that start by themselves without being named: the rules of both sides, without any wire."""
