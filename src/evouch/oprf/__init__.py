"""Oblivious pseudorandom functions over P-256 with SHA-256: RFC 9497, mode 0."""
