"""What an operator decides once about proofs of identity."""

from dataclasses import dataclass
from typing import Final

from evouch.identity.policy import RULES, Network, OnUnsupported, Policy, Require, Rule

__all__ = ["IdentityTerms"]

#: Above 2^20 hashes a station computes for minutes, and no thief is kept out by it.
_MOST_WORK: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityTerms:
    """Who is challenged, and how. The default challenges stations with an enrolled identity, and nobody else."""

    #: the rules that let a station in on trust, in the order in which they are asked
    policy: tuple[Rule, ...] = RULES
    #: networks from which the right password is enough, for the rule of that name
    networks: tuple[Network, ...] = ()
    #: ``enrolled``: stations with an enrolled identity or an open window; ``all``: everyone whom no rule trusts
    require: str = Require.ENROLLED
    #: proof of work: trailing zero bits; 0 asks for none, at most 20 (ValueError)
    difficulty: int = 0
    #: seconds that a challenge is good for
    ttl: float = 60.0
    #: seconds that a proof's own timestamp may be off; more is noted, and refused where ``enforce_time`` says so
    window: int = 120
    enforce_time: bool = False
    #: what becomes of a station that does not know the message: ``reject``, ``allow_untrusted``, ``fallback``
    on_unsupported: str = OnUnsupported.REJECT
    #: challenge 2.0.1 and 2.1 stations too, by our extension of the same name. Without it such a
    #: station counts as one that does not know the message (docs/decisions/041)
    ocpp2: bool = False
    #: seconds of silence after which a connection is challenged unasked
    silence: float = 10.0
    #: seconds after which a station that is being challenged boots again by itself
    pending_interval: int = 10
    #: hours after which a proven connection is asked again; 0: never
    recheck: float = 0
    #: host that stations connect to, for the tail of the nonce; empty: none
    endpoint: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.difficulty <= _MOST_WORK:
            msg = f"difficulty is 0 to {_MOST_WORK}"
            raise ValueError(msg)
        Require(self.require)
        OnUnsupported(self.on_unsupported)

    @property
    def rules(self) -> Policy:
        """Return these terms as the policy that is asked."""
        return Policy(rules=self.policy, networks=self.networks, require=Require(self.require))
