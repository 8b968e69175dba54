"""Who a charge point is: W3CP challenges, proofs, keys and the policy of who has to show them. Pure."""
