"""What is known of a connection without asking it: what the policy says of it, and whether asking makes sense."""

from dataclasses import dataclass

from evouch.cpo.identities import Identities
from evouch.cpo.identity_terms import IdentityTerms
from evouch.cpo.visits import Visit
from evouch.identity.policy import OnUnsupported, Rule, Ruling, Visitor, decide

__all__ = ["Visitors"]


@dataclass(frozen=True, slots=True)
class Visitors:
    """Questions about a connection that the registry answers."""

    identities: Identities
    terms: IdentityTerms

    def ruling(self, visit: Visit) -> Ruling:
        """Return what the policy says, from what the transport and the registry know."""
        station, entrance = visit.station, visit.link.entrance
        record = self.identities.registry.station(station)
        return decide(
            self.terms.rules,
            Visitor(
                trusted=record is not None and record.trusted,
                certificate=entrance.certificate is not None, basic=entrance.basic, tls=entrance.tls,
                address=entrance.address,
                enrolled=self.identities.expected(station), window=self.identities.window_open(station),
                proven_before=self.identities.proven_before(station),
            ),
        )  # fmt: skip

    def barred(self, visit: Visit) -> bool:
        """Return whether an operator blocked this station after the gate had let this connection in."""
        record = self.identities.registry.station(visit.station)
        return record is not None and record.blocked

    def banned(self, visit: Visit) -> bool:
        """Return whether it presented a certificate that does not count any more."""
        certificate = visit.link.entrance.certificate
        return certificate is not None and self.identities.certificate_banned(visit.station, certificate)

    def counts(self, visit: Visit, ruling: Ruling) -> bool:
        """Return whether trust is enough: beside a connection that is proven only that in a certificate is."""
        return not visit.link.candidate or ruling.rule is Rule.CERTIFICATE

    def mute(self, visit: Visit) -> bool:
        """Return whether it cannot be asked, or need not be: nothing is enrolled, and its firmware cannot answer."""
        if self._unasked(visit):
            return True
        record = self.identities.registry.station(visit.station)
        if record is None or record.unable is None or record.unable != self.firmware(visit):
            return False
        nothing = not self.identities.usable(visit.station) and not self.identities.window_open(visit.station)
        return nothing and self.terms.on_unsupported != OnUnsupported.REJECT

    def why_mute(self, visit: Visit) -> str:
        """Return why a mute connection is not asked."""
        return "OCPP 2.x is not asked" if self._unasked(visit) else "its firmware did not know the message before"

    def _unasked(self, visit: Visit) -> bool:
        return not visit.v16 and not self.terms.ocpp2

    def firmware(self, visit: Visit) -> str:
        """Return the firmware that it said it has, else the one that the station had last."""
        record = self.identities.registry.station(visit.station)
        return visit.firmware if visit.firmware is not None else record.firmware if record is not None else ""
