"""Pages and the operator API: shells over the actors. No rules live here."""
