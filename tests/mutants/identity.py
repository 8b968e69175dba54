"""What W3CP asks of stations that prove who they are, and what it leaves out, broken one at a time."""

from typing import Final

from tests.mutants import Mutant

__all__ = ["IDENTITY"]

#: What a station and a backend say, W1 to W21.
_SAID: Final = (
    Mutant(
        ("W1",),
        "src/evouch/ocpp/aio_door.py",
        'create_101_response({"Sec-WebSocket-Protocol": version})',
        "create_101_response()",
        "tests/ocpp/test_transport.py::test_a_station_of_1_6_is_answered_with_its_subprotocol",
    ),
    Mutant(
        ("W2", "W18"),
        "src/evouch/identity/policy.py",
        "or policy.require is Require.ALL\n",
        "or policy.require is not None\n",
        "tests/cpo/test_challenges.py"
        "::test_a_station_that_nothing_is_required_of_is_accepted_at_once_and_never_challenged",
    ),
    Mutant(
        ("W3",),
        "src/evouch/cpo/doorkeeper.py",
        "            return self._reject(visit)\n        return BootAnswer(BootStatus.PENDING,",
        "            return self._reject(visit)\n        return BootAnswer(BootStatus.ACCEPTED,",
        "tests/cpo/test_challenges.py"
        "::test_the_first_boot_is_answered_pending_and_the_challenge_follows_at_once_behind_it",
    ),
    Mutant(
        ("W4",),
        "src/evouch/cpo/challenger.py",
        "        self.agenda.soon(lambda: self._round(visit))\n",
        '        self.agenda.after(1.0, ("late", visit.link.connection), lambda: self._round(visit))\n',
        "tests/cpo/test_challenges.py"
        "::test_the_first_boot_is_answered_pending_and_the_challenge_follows_at_once_behind_it",
    ),
    Mutant(
        ("W5", "M1"),
        "src/evouch/identity/challenge.py",
        "NONCE_BYTES: Final = 32",
        "NONCE_BYTES: Final = 12",
        "tests/identity/test_challenge.py::test_a_nonce_is_32_bytes_of_chance_in_characters_that_need_no_escape",
    ),
    Mutant(
        ("W6",),
        "src/evouch/identity/shape.py",
        '            raise Misshapen(f"{name} has a member that is not known")\n',
        "            continue\n",
        "tests/identity/test_proof.py::test_an_answer_with_another_member_has_no_form",
    ),
    Mutant(
        ("W7",),
        "src/evouch/ocpp/extensions/SignedChallengeResponse.json",
        '"required": ["cpId", "timestamp", "nonce", "identityType", "powNonce"],',
        '"required": ["cpId", "timestamp", "nonce", "identityType"],',
        "tests/ocpp/test_signed_challenge.py::test_the_payload_of_a_proof_has_its_members_and_no_misspelt_one",
    ),
    Mutant(
        ("W8",),
        "src/evouch/identity/keys.py",
        "self._loaded.verify(self._der(signature), message, _ECDSA)",
        "self._der(signature)",
        "tests/identity/test_proof.py::test_a_proof_by_another_key_of_the_same_kind_fails",
    ),
    Mutant(
        ("W9",),
        "src/evouch/identity/canonical.py",
        "if hashlib.sha256(form).digest() == digest:",
        "if len(digest) == hashlib.sha256(form).digest_size:",
        "tests/identity/test_proof.py::test_another_hash_fails",
    ),
    Mutant(
        ("W10",),
        "src/evouch/identity/proof.py",
        "(zeros := trailing_zeros(signed.digest)) < self.expected.difficulty:",
        "(zeros := trailing_zeros(signed.digest)) < self.expected.difficulty - 1:",
        "tests/test_specs.py::test_the_work_of_the_page_has_thirteen_bits_and_not_fourteen",
    ),
    Mutant(
        ("W11",),
        "src/evouch/cpo/judge.py",
        "        visit.turn(Turn.PROVE, self.clock, describe(identity))\n",
        "",
        "tests/cpo/test_challenges.py::test_after_a_valid_proof_the_next_boot_is_accepted_and_the_station_works",
    ),
    Mutant(
        ("W12",),
        "src/evouch/cpo/judge.py",
        "        visit.link.allow(None, proven=True)\n",
        "",
        "tests/cpo/test_challenges.py::test_after_a_valid_proof_the_next_boot_is_accepted_and_the_station_works",
    ),
    Mutant(
        ("W13", "M13"),
        "src/evouch/ocpp/rpc.py",
        "return self.allowed is None or not named or",
        "return bool(named) or",
        "tests/ocpp/test_peer_gate.py::test_before_the_proof_only_boot_and_heartbeat_are_heard",
    ),
    Mutant(
        ("W14",),
        "src/evouch/ocpp/rpc.py",
        "action, payload = (_HEARTBEAT, {}) if self._asks_the_time(frame) else self._two(frame)",
        "action, payload = self._two(frame)",
        "tests/ocpp/test_peer_gate.py::test_a_heartbeat_of_1_6_is_answered_with_the_time_whatever_it_carries",
    ),
    Mutant(
        ("W15",),
        "src/evouch/ocpp/extensions/signed_challenge.py",
        'ACTION: Final = "SignedChallenge"',
        'ACTION: Final = "DataTransfer"',
        "tests/ocpp/test_signed_challenge.py::test_the_challenge_is_one_call_of_its_own_name_in_zulu_time",
    ),
    Mutant(
        ("W16",),
        "src/evouch/ocpp/aio_door.py",
        "                tls=knock.tls,\n",
        "                tls=False,\n",
        "tests/ocpp/test_transport.py::test_a_station_boots_is_challenged_and_is_heard_over_every_transport",
    ),
    Mutant(
        ("W17",),
        "src/evouch/identity/claims.py",
        '        raise Refused("noIdentity", f"{member} is not that of the certificate that was presented")',
        "        pass",
        "tests/identity/test_certificate.py::test_a_certificate_that_was_not_presented_is_not_proved",
    ),
    Mutant(
        ("W19",),
        "src/evouch/ocpp/extensions/signed_challenge.py",
        "format_time(order.timestamp)",
        "order.timestamp.isoformat()",
        "tests/ocpp/test_signed_challenge.py::test_the_challenge_is_one_call_of_its_own_name_in_zulu_time",
    ),
    Mutant(
        ("W20",),
        "src/evouch/identity/shape.py",
        '        raise Misshapen("identityType is publicKey, x509Certificate or web3") from None\n',
        "        kind = IdentityKind.PUBLIC_KEY\n",
        "tests/identity/test_proof.py::test_another_identity_type_has_no_form",
    ),
    Mutant(
        ("W21",),
        "src/evouch/ocpp/rpc.py",
        "if self._open is None and self._queue:",
        "if self._queue:",
        "tests/ocpp/test_signed_challenge.py::test_an_answer_is_taken_once_and_only_for_the_call_that_is_open",
    ),
)

#: What the source leaves out, M2 to M22.
_UNSAID: Final = (
    Mutant(
        ("M2",),
        "src/evouch/cpo/judge.py",
        "if self.clock.tick() >= asked.expires:",
        "if self.clock.tick() >= asked.expires + 3600:",
        "tests/cpo/test_challenges.py::test_an_answer_after_the_challenge_has_expired_proves_nothing",
    ),
    Mutant(
        ("M3",),
        "src/evouch/identity/proof.py",
        "if not hmac.compare_digest(_raw(claim.nonce), _raw(self.expected.nonce)):",
        "if not claim.nonce:",
        "tests/identity/test_proof.py::test_another_nonce_fails_whatever_was_signed",
    ),
    Mutant(
        ("M4",),
        "src/evouch/identity/proof.py",
        "if away <= timedelta(seconds=self.expected.window):",
        "if away <= timedelta(days=10_000):",
        "tests/identity/test_proof.py::test_a_timestamp_out_of_the_window_fails_or_is_warned_about",
    ),
    Mutant(
        ("M5",),
        "src/evouch/identity/proof.py",
        "if claim.station != self.expected.station:",
        "if claim.station.lower() != self.expected.station.lower():",
        "tests/identity/test_proof.py::test_the_station_is_named_byte_for_byte",
    ),
    Mutant(
        ("M6",),
        "src/evouch/identity/challenge.py",
        "encoding.base64url(entropy.bytes(NONCE_BYTES))",
        "encoding.base64url(bytes(NONCE_BYTES))",
        "tests/cpo/test_challenges.py::test_a_proof_for_another_connection_of_the_same_station_proves_nothing",
    ),
    Mutant(
        ("M7",),
        "src/evouch/cpo/doorkeeper.py",
        "        return self.challenger.defends(link)\n",
        "        return False\n",
        "tests/interop/test_identity_stations.py"
        "::test_a_stranger_with_the_password_does_not_cut_the_proven_station_off",
    ),
    Mutant(
        ("M8",),
        "src/evouch/station/proving.py",
        "self._prover.host and host != self._prover.host:",
        "self._prover.host and host == self._prover.host:",
        "tests/station/test_proving.py"
        "::test_a_station_that_knows_its_backend_refuses_a_challenge_made_for_another_host",
    ),
    Mutant(
        ("M9",),
        "src/evouch/identity/work.py",
        "MAX_DIFFICULTY: Final = 20",
        "MAX_DIFFICULTY: Final = 24",
        "tests/identity/test_work.py::test_more_than_twenty_bits_are_never_asked_for",
    ),
    Mutant(
        ("M10",),
        "src/evouch/cpo/identities.py",
        "and self.registry.clock.now() < record.enrol_until",
        "and record.enrol_until.year > 0",
        "tests/cpo/test_identities.py::test_after_the_window_nothing_is_enrolled",
    ),
    Mutant(
        ("M11",),
        "src/evouch/cpo/challenger.py",
        "            if visit.identity == identity.id:\n",
        "            if visit.identity is None:\n",
        "tests/cpo/test_identities.py::test_revoking_drops_the_connection_that_it_proved_and_no_other",
    ),
    Mutant(
        ("M12",),
        "src/evouch/cpo/judge.py",
        "min(FIRST_PAUSE << max(0, failures - 1), LONGEST_PAUSE)",
        "FIRST_PAUSE",
        "tests/cpo/test_challenges.py::test_failures_are_silent_outward_and_the_pause_doubles",
    ),
    Mutant(
        ("M14",),
        "src/evouch/cpo/app.py",
        "if self.challenger is not None and not self.challenger.may_order(station, order):",
        "if self.challenger is None:",
        "tests/cpo/test_challenges.py::test_nothing_but_challenge_and_trigger_is_sent_to_an_unproven_connection",
    ),
    Mutant(
        ("M15",),
        "src/evouch/cpo/challenger.py",
        "        if not visit.gone and visit.standing is Standing.NEW:\n            self.ask(visit)\n",
        "        return\n",
        "tests/cpo/test_challenges.py::test_a_station_that_says_nothing_is_challenged_after_ten_seconds",
    ),
    Mutant(
        ("M16",),
        "src/evouch/cpo/quarantine.py",
        "            self._held.setdefault(record.connection, []).append((record, fact))\n",
        "",
        "tests/cpo/test_quarantine.py::test_a_queue_that_is_emptied_before_the_proof_is_booked_in_order_after_it",
    ),
    Mutant(
        ("M17",),
        "src/evouch/cpo/identity_terms.py",
        "pending_interval: int = 10",
        "pending_interval: int = 0",
        "tests/cpo/test_challenges.py"
        "::test_the_first_boot_is_answered_pending_and_the_challenge_follows_at_once_behind_it",
    ),
    Mutant(
        ("M18",),
        "src/evouch/cpo/judge.py",
        "        if not self.watcher.charging(visit.station):\n",
        "        if self.watcher.charging(visit.station):\n",
        "tests/cpo/test_challenges.py"
        "::test_a_connection_that_fails_when_asked_again_ends_its_charge_and_is_closed_then",
    ),
    Mutant(
        ("M19",),
        "src/evouch/cpo/gate.py",
        "if record is not None and entrance.profile < record.profile:",
        "if record is not None and entrance.profile < 0:",
        "tests/cpo/test_profiles.py"
        "::test_a_lower_profile_than_the_highest_used_is_refused_until_an_operator_says_otherwise",
    ),
    Mutant(
        ("M20",),
        "src/evouch/ocpp/aio_door.py",
        "        if address in self._proxies:\n",
        '        if address in self._proxies or "Client-Cert" in headers:\n',
        "tests/ocpp/test_transport.py::test_from_anybody_else_the_header_is_as_if_it_had_not_been_sent",
    ),
    Mutant(
        ("M21",),
        "src/evouch/cpo/judge.py",
        'Step.NONCE: "AttemptedReplayAttacks"',
        'Step.NONCE: "InvalidMessages"',
        "tests/cpo/test_challenges.py::test_each_failure_has_the_event_that_the_whitepaper_names",
    ),
    Mutant(
        ("M22",),
        "src/evouch/identity/policy.py",
        "return visitor.basic and not visitor.proven_before and",
        "return visitor.basic and",
        "tests/identity/test_policy.py::test_a_password_from_the_right_network_is_not_enough_for_who_has_proved_more",
    ),
)

IDENTITY: Final = (*_SAID, *_UNSAID)
