"""Payment providers behind the port ``charging.payments.PaymentProvider``."""
