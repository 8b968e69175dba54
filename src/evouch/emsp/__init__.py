"""An e-mobility service provider: drivers, contracts, tokens, vehicles, and what operators ask about them."""
