"""Oblivious pseudorandom functions over P-256 with SHA-256: RFC 9497, mode 0.

Two sides compute F(key, input) together: who has the input never learns the key, and who has
the key learns nothing about the input, not even whether it was asked for the same one before. ::

    client                                   server
    kept, blinded = blind(input, entropy)
                        ── blinded ──▶
                                             evaluated = Evaluator(key).evaluate(blinded)
                        ◀── evaluated ──
    output = kept.finish(evaluated)

:mod:`~evouch.oprf.client` and :mod:`~evouch.oprf.server` are what one uses,
:mod:`~evouch.oprf.keys` what one keeps, :mod:`~evouch.oprf.element` how points are written,
:mod:`~evouch.oprf.group` who does the arithmetic.
"""
