"""Each figure of the README as a comparison that runs again here."""
