"""The URL as a QR code: SVG for displays and pages, half blocks for terminals.

The SVG carries no style, no script and no size, so it passes a strict content security
policy and takes whatever room its page gives it.
"""

import io
from functools import lru_cache
from typing import Final

import segno

from evouch.errors import Refused

__all__ = ["QUALITIES", "svg", "terminal"]

#: QRCodeQuality of WebPaymentsCtrlr → error correction level (ISO/IEC 18004 §7.5.1): 7, 15, 25, 30 % restorable.
QUALITIES: Final = {"low": "L", "medium": "M", "quartile": "Q", "high": "H"}


@lru_cache(maxsize=256)
def svg(url: str, *, quality: str = "Medium") -> str:
    """Return ``url`` as one ``<svg>`` element, quiet zone and white ground included.

    ``quality`` is the least error correction; more is used where it costs no larger code.
    Raises ``Refused("codeTooLong")`` where no QR code can hold the URL, and
    ``Refused("badQuality")``. The most recent ones are kept: a display asks many times per slot.
    """
    out = io.BytesIO()
    _qr(url, quality).save(
        out,
        kind="svg",
        xmldecl=False,
        omitsize=True,
        nl=False,
        light="#fff",
        dark="#000",
        title="QR code",
        svgclass="qr",
        lineclass=None,
    )
    return out.getvalue().decode()


def terminal(url: str, *, quality: str = "Medium", dark_ground: bool = True) -> str:
    """Return ``url`` as lines of Unicode half blocks, for light text on a dark ground unless said otherwise.

    Raises as :func:`svg`.
    """
    rows = [bytes(row) for row in _qr(url, quality).matrix_iter(border=4)]
    if len(rows) % 2:
        rows.append(bytes(len(rows[0])))
    # a printed block is light where the ground is dark
    blocks = "█▄▀ " if dark_ground else " ▀▄█"
    lines = zip(rows[::2], rows[1::2], strict=True)
    return "\n".join("".join(blocks[2 * lower + upper] for upper, lower in zip(*pair, strict=True)) for pair in lines)


def _qr(url: str, quality: str) -> segno.QRCode:
    level = QUALITIES.get(quality.lower())
    if level is None:
        raise Refused("badQuality", f"QRCodeQuality is one of {', '.join(QUALITIES)}")
    try:
        return segno.make_qr(url, error=level)
    except segno.DataOverflowError:
        raise Refused("codeTooLong", f"{len(url)} characters fit no QR code of quality {quality}") from None
