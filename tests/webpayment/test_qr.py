"""QR codes are read back by an independent reader, in every quality."""

import xml.etree.ElementTree as ET

import pytest
import zxingcpp
from PIL import Image, ImageDraw

from evouch.errors import Refused
from evouch.webpayment import qr

URL = "https://qr.example.com/CS-0001/1/CN63y502?v=v1&maxenergy=20000&maxcost=50.00"
ORDER = "LMQH"


def image(rows: list[list[bool]], scale: int = 4) -> Image.Image:
    """Paint modules, True being dark, with no quiet zone but what they bring themselves."""
    canvas = Image.new("L", (len(rows[0]) * scale, len(rows) * scale), 255)
    draw = ImageDraw.Draw(canvas)
    for y, row in enumerate(rows):
        for x, dark in enumerate(row):
            if dark:
                draw.rectangle((x * scale, y * scale, (x + 1) * scale - 1, (y + 1) * scale - 1), fill=0)
    return canvas


def painted(svg: str) -> list[list[bool]]:
    """Paint the strokes of the SVG: horizontal runs of one module's height."""
    root = ET.fromstring(svg)
    size = int(root.attrib["viewBox"].split()[2])
    rows = [[False] * size for _ in range(size)]
    path = next(element for element in root if element.attrib.get("stroke") == "#000").attrib["d"]
    x = y = 0.0
    for command in path.replace("h", " h").replace("m", " m").replace("M", " M").split(" M")[1:]:
        steps = command.replace(" h", "|h").replace(" m", "|m").split("|")
        x, y = (float(number) for number in steps[0].split())
        for step in steps[1:]:
            if step[0] == "m":
                dx, dy = (float(number) for number in step[1:].split())
                x, y = x + dx, y + dy
            else:
                run = int(step[1:])
                rows[int(y)][int(x) : int(x) + run] = [True] * run
                x += run
    return rows


def unblocked(text: str) -> list[list[bool]]:
    """Paint half blocks as a dark terminal shows them: a block is light."""
    rows: list[list[bool]] = []
    for line in text.split("\n"):
        rows.append([character in " ▄" for character in line])
        rows.append([character in " ▀" for character in line])
    return rows


def read(rows: list[list[bool]]) -> zxingcpp.Barcode:
    (found,) = zxingcpp.read_barcodes(image(rows))
    return found


@pytest.mark.parametrize("quality", ["Low", "Medium", "Quartile", "High", "HIGH"])
def test_the_svg_is_read_back_with_at_least_the_quality_asked_for(quality: str) -> None:
    found = read(painted(qr.svg(URL, quality=quality)))

    assert found.text == URL
    assert ORDER.index(found.ec_level) >= ORDER.index(qr.QUALITIES[quality.lower()])


def test_a_better_quality_makes_no_smaller_code() -> None:
    sizes = [len(painted(qr.svg(URL, quality=quality))) for quality in qr.QUALITIES]

    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


def test_the_svg_passes_a_strict_policy_and_scales() -> None:
    text = qr.svg(URL)
    root = ET.fromstring(text)
    names = {name for element in root.iter() for name in element.attrib}

    assert text.startswith("<svg ")
    assert names <= {"viewBox", "class", "fill", "stroke", "d"}
    assert {element.tag.rpartition("}")[2] for element in root.iter()} == {"svg", "path", "title"}
    assert "CN63y502" not in text


def test_the_code_keeps_its_quiet_zone_of_four_modules() -> None:
    rows = painted(qr.svg(URL))

    assert not any(any(row) for row in rows[:4] + rows[-4:])
    assert not any(any(row[:4] + row[-4:]) for row in rows)


@pytest.mark.parametrize("dark_ground", [True, False])
def test_a_terminal_shows_the_same_code(dark_ground: bool) -> None:
    text = qr.terminal(URL, dark_ground=dark_ground)
    rows = unblocked(text)
    if not dark_ground:
        rows = [[not dark for dark in row] for row in rows]

    assert read(rows).text == URL
    assert len({len(line) for line in text.split("\n")}) == 1


def test_a_url_that_fits_no_code_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        qr.svg("https://h.example/" + "x" * 3000)
    assert refused.value.reason == "codeTooLong"
    with pytest.raises(Refused) as refused:
        qr.terminal("https://h.example/" + "x" * 1300, quality="High")
    assert refused.value.reason == "codeTooLong"


def test_an_unknown_quality_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        qr.svg(URL, quality="Best")
    assert refused.value.reason == "badQuality"
