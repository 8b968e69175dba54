"""What an eMSP signs, in which form, and what it does not sign."""

import pytest

from evouch.autocharge.answering import Signer
from evouch.oprf.element import uncompress
from evouch.oprf.group import InvalidElement
from tests.autocharge.oracles import evaluator


def test_the_emsp_answers_in_the_form_that_it_was_asked_in() -> None:
    signer = Signer(evaluator("green"))
    blinded = evaluator("x").evaluate(
        bytes.fromhex("026b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296")
    )
    small = signer.sign(blinded.hex().upper())
    big = signer.sign(uncompress(blinded).hex())
    assert (len(small), len(big)) == (66, 130)
    assert uncompress(bytes.fromhex(small)).hex() == big
    assert small == small.lower()


@pytest.mark.parametrize("text", ["", "00", "02", "zz" * 33, "02" + "ff" * 32, " " + "02" * 32, "0x" + "02" * 32])
def test_what_is_no_element_is_not_signed(text: str) -> None:
    with pytest.raises(InvalidElement):
        Signer(evaluator("green")).sign(text)
