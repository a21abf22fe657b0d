"""What Chromium shows of a file is what is decoded of it, whatever the file says of itself."""

import base64
import os
import shutil
import struct

import numpy as np
import pytest
from playwright.sync_api import sync_playwright

from data.images.decode import decode
from tests.data.images.pictures import encoded, picture
from tests.data.images.test_decode import SIDEWAYS, chunk

SHOW = """async (file) => {
  const image = new Image();
  image.src = 'data:application/octet-stream;base64,' + file;
  await image.decode();
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  canvas.getContext('2d').drawImage(image, 0, 0);
  return canvas.toDataURL('image/png').split(',')[1];
}"""
SMALL = picture(72, 128)
WHOLE = {kind: encoded(SMALL, kind) for kind in ("PNG", "GIF", "BMP")}
WHOLE |= {kind: encoded(SMALL, kind, quality=97) for kind in ("JPEG", "WEBP", "AVIF")}
ORIENTATION, ANOTHER, SHORT, LONG = 0x0112, 0x0110, 3, 4


@pytest.fixture(scope="module")
def chromium():
    """What Chromium shows of a file's content, as PNG."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        assert os.environ.get("CI") != "true", "chromium is not installed: CI needs it"
        pytest.skip("chromium is not installed")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page()
        yield lambda file: base64.b64decode(
            page.evaluate(SHOW, base64.b64encode(file).decode("ascii"))
        )
        browser.close()


def entry(tag, kind, count, value, order="<"):
    number = struct.pack(order + ("HH" if kind == SHORT else "I"), value, *[0][: kind == SHORT])
    return struct.pack(order + "HHI", tag, kind, count) + number


def exif(*entries, order="<", start=8, count=None):
    """EXIF from its byte order on; `count` is how many entries it says it has."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", start)
    said = struct.pack(order + "H", len(entries) if count is None else count)
    return head + bytes(start - 8) + said + b"".join(entries) + bytes(4)


def turned(way, **options):
    return exif(entry(ORIENTATION, SHORT, 1, way, options.get("order", "<")), **options)


SIX = turned(6)
EXIF = {
    **{f"orientation {way}": turned(way) for way in range(10)},
    "big-endian": turned(6, order=">"),
    "a long": exif(entry(ORIENTATION, LONG, 1, 6)),
    "two values": exif(entry(ORIENTATION, SHORT, 2, 6)),
    "no value": exif(entry(ORIENTATION, SHORT, 0, 6)),
    "a long, then a short": exif(entry(ORIENTATION, LONG, 1, 6), entry(ORIENTATION, SHORT, 1, 3)),
    "none such, then one": exif(entry(ORIENTATION, SHORT, 1, 9), entry(ORIENTATION, SHORT, 1, 3)),
    "two of them": exif(entry(ORIENTATION, SHORT, 1, 6), entry(ORIENTATION, SHORT, 1, 3)),
    "behind what lies outside": exif(entry(0x10F, 2, 9999, 8), entry(ORIENTATION, SHORT, 1, 6)),
    "behind what is of no kind": exif(entry(0x10F, 99, 1, 8), entry(ORIENTATION, SHORT, 1, 6)),
    "fewer than it says": turned(6, count=200),
    "without its last bytes": SIX[:-4],
    "cut in the entry": SIX[:-6],
    "cut before the entry": SIX[:12],
    "entries at an odd place": turned(6, start=9),
    "entries beyond its end": SIX[:4] + struct.pack("<I", 9999) + SIX[8:],
    "another mark": SIX.replace(b"II*\0", b"II\0*"),
    "not EXIF": b"garbage here, and more of it",
}


def segment(body, marker=0xE1):
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body


def jpeg(*segments):
    return WHOLE["JPEG"][:2] + b"".join(segments) + WHOLE["JPEG"][2:]


def png(*chunks):
    return WHOLE["PNG"][:33] + b"".join(chunks) + WHOLE["PNG"][33:]


def avif(way):
    return encoded(SMALL, "AVIF", quality=97, exif=turned(way))


UNCHECKED = chunk(b"eXIf", SIX)[:-4] + b"junk"
NOT_ASKED = encoded(SMALL, "AVIF", quality=97, exif=exif(entry(ANOTHER, SHORT, 1, 6))).replace(
    entry(ANOTHER, SHORT, 1, 6), entry(ORIENTATION, SHORT, 1, 6)
)
FILES = {
    **{f"{kind}, plain": content for kind, content in WHOLE.items()},
    **{f"JPEG, {name}": jpeg(segment(b"Exif\0\0" + said)) for name, said in EXIF.items()},
    **{f"PNG, {name}": png(chunk(b"eXIf", said)) for name, said in EXIF.items()},
    **{f"AVIF, its boxes, {way}": avif(way) for way in range(1, 9)},
    **{
        f"AVIF, another brand, {way}": avif(way).replace(b"ftypavif", b"ftypmif1") for way in (2, 6)
    },
    "AVIF, EXIF alone": NOT_ASKED,
    "AVIF, EXIF alone, another brand": NOT_ASKED.replace(b"ftypavif", b"ftypmif1"),
    "JPEG, EXIF padded by one": jpeg(segment(b"Exif\0\1" + SIX)),
    "JPEG, an empty one before": jpeg(segment(b"Exif\0\0"), segment(b"Exif\0\0" + SIX)),
    "JPEG, a broken one before": jpeg(segment(b"Exif\0\0nothing"), segment(b"Exif\0\0" + SIX)),
    "JPEG, two": jpeg(segment(b"Exif\0\0" + SIX), segment(b"Exif\0\0" + turned(3))),
    "JPEG, in another segment": jpeg(segment(b"Exif\0\0" + SIX, 0xE2)),
    "JPEG, after its end": WHOLE["JPEG"] + segment(b"Exif\0\0" + SIX),
    "JPEG, XMP": jpeg(segment(b"http://ns.adobe.com/xap/1.0/\0" + SIDEWAYS)),
    "PNG, as JPEG has it": png(chunk(b"eXIf", b"Exif\0\0" + SIX)),
    "PNG, two": png(chunk(b"eXIf", SIX), chunk(b"eXIf", turned(3))),
    "PNG, a wrong checksum before": png(UNCHECKED, chunk(b"eXIf", turned(3))),
    "PNG, behind its pixels": WHOLE["PNG"][:-12] + chunk(b"eXIf", SIX) + WHOLE["PNG"][-12:],
    "PNG, XMP": png(chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + SIDEWAYS)),
    "WEBP, EXIF": encoded(SMALL, "WEBP", quality=97, exif=SIX),
    "WEBP, EXIF as JPEG has it": encoded(SMALL, "WEBP", quality=97, exif=b"Exif\0\0" + SIX),
    "WEBP, EXIF, lossless": encoded(SMALL, "WEBP", lossless=True, exif=SIX),
    "WEBP, XMP": encoded(SMALL, "WEBP", quality=97, xmp=SIDEWAYS),
}


def test_files_are_turned_as_chromium_turns_them(chromium):
    wrong = {}
    for name, content in FILES.items():
        shown = decode(chromium(content), name).astype(int)
        apart = np.abs(decode(content, name).astype(int) - shown).mean()
        if apart > 3:
            wrong[name] = apart
    assert not wrong


def test_the_picture_differs_in_every_orientation():
    ways = [
        decode(jpeg(segment(b"Exif\0\0" + turned(way))), "a").astype(int) for way in range(1, 9)
    ]
    apart = [np.abs(one - other).mean() for at, one in enumerate(ways) for other in ways[:at]]
    assert min(apart) > 10
