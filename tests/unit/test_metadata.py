"""What is taken out of a photo before it is kept, and that nothing else is."""

import io
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pi_heif
import pytest
from PIL import Image, ImageCms

from functions.predict.images import media_type, to_array
from functions.predict.metadata.heif import stripped
from functions.predict.metadata.problems import UnknownStructureError
from functions.predict.metadata.stripping import known_parts, without_metadata
from tests.conftest import PHOTOS

SECRET: Final = b"CANARY"  # stands for a place, a serial number, a name
TEXT: Final = SECRET.decode()
SIZE: Final = 224
PHONE: Final = PHOTOS / "phone.heic"
PROFILE: Final = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
Chance = random.Random


def encoded(image: Image.Image, file_format: str, **options: object) -> bytes:
    output = io.BytesIO()
    image.save(output, file_format, **options)
    return output.getvalue()


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    with Image.open(PHOTOS / "Banana__Healthy.jpg") as image:
        return image.convert("RGB").resize((96, 64))


def pixels(data: bytes) -> npt.NDArray[np.uint8]:
    if media_type(data) == "image/heic":
        return np.array(pi_heif.open_heif(data))
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


def orientation(data: bytes) -> int:
    with Image.open(io.BytesIO(data)) as image:
        return int(image.getexif().get(0x0112, 1))


def exif(chance: Chance, turned: int) -> bytes:
    """A block as cameras write it, in either byte order, with something to hide in many of its places."""
    block = Image.Exif()
    block.endian = chance.choice("<>")
    if turned != 1:
        block[0x0112] = turned
    for tag in chance.sample([0x010E, 0x010F, 0x0110, 0x0131, 0x013B, 0x8298, 0x9C9B, 0xC62F], 3):
        block[tag] = f"{TEXT} {chance.random()}"
    place = block.get_ifd(0x8825)
    place |= {1: "N", 2: (52.0, 31.0, 12.5), 3: "E", 4: (13.0, 24.0, 17.8), 0x1D: TEXT, 0x1B: TEXT}
    about = block.get_ifd(0x8769)
    about |= {0xA431: TEXT, 0xA435: TEXT, 0x927C: SECRET * 20, 0x9286: TEXT}
    return block.tobytes() + chance.choice([b"", SECRET * 30])


def xmp() -> bytes:
    return b'<x:xmpmeta><rdf:Description exif:GPSLatitude="%s" aux:SerialNumber="%s"/></x:xmpmeta>' % (SECRET, SECRET)


def segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content


def jpeg(chance: Chance, picture: Image.Image, turned: int) -> bytes:
    data = encoded(picture, "JPEG", progressive=chance.random() < 0.5, restart_marker_blocks=chance.choice([0, 3]))
    hidden = [
        segment(0xE1, exif(chance, turned)),
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp()),
        segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + xmp()),
        segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x14\x1c\x02\x5a" + SECRET),
        segment(0xE2, b"FPXR\0" + SECRET),
        segment(0xE0, b"JFXX\0\x10" + SECRET),
        segment(0xFE, SECRET),
        *(segment(chance.choice([0xE3, 0xE5, 0xEB, 0xEF]), SECRET) for _ in range(3)),
    ]
    first, *others = hidden
    chance.shuffle(others)
    start, scan = data[:20], data.index(b"\xff\xda")  # after JFIF's own segment
    later = data[scan:-2] + chance.choice([b"", segment(0xFE, SECRET)]) + data[-2:]
    trailing = chance.choice([b"", SECRET, jpeg_with_place(picture), b"\0\0\0\x18ftypmp42" + SECRET])
    return start + first + b"".join(others[:3]) + data[20:scan] + b"".join(others[3:]) + later + trailing


def jpeg_with_place(picture: Image.Image) -> bytes:
    return encoded(picture, "JPEG", comment=SECRET)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(chance: Chance, picture: Image.Image, turned: int) -> bytes:
    data = encoded(picture.convert(chance.choice(["RGB", "RGBA", "L", "P"])), "PNG")
    hidden = [
        chunk(b"eXIf", exif(chance, turned).removeprefix(b"Exif\0\0")),
        chunk(b"tEXt", b"Author\0" + SECRET),
        chunk(b"zTXt", b"Comment\0\0" + zlib.compress(SECRET)),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp()),
        chunk(b"tIME", b"\x07\xea\1\1\1\1\1"),
        chunk(b"caBX", SECRET),
        chunk(b"sPLT", SECRET),
    ]
    chance.shuffle(hidden)
    pixel_data = data.index(b"IDAT") - 4
    head, body, end = data[:pixel_data], data[pixel_data:-12], data[-12:]
    return head + b"".join(hidden[:3]) + body + b"".join(hidden[3:]) + end + chance.choice([b"", SECRET])


def riff(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def webp(chance: Chance, picture: Image.Image, turned: int) -> bytes:
    more = {"save_all": True, "append_images": [picture.rotate(9)]} if chance.random() < 0.3 else {}
    data = encoded(picture, "WEBP", lossless=chance.random() < 0.5, exif=exif(chance, turned), xmp=xmp(), **more)
    data += riff(b"SECR", SECRET)
    return b"RIFF" + struct.pack("<I", len(data) - 8) + data[8:] + chance.choice([b"", SECRET])


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + kind + content


def avif(chance: Chance, picture: Image.Image, turned: int) -> bytes:
    data = encoded(picture, "AVIF", speed=10, exif=exif(chance, turned), xmp=xmp())
    hidden = [
        box(b"uuid", SECRET * 4),
        box(b"moov", box(b"udta", SECRET)),
        box(b"mpvd", b"\0\0\0\x18ftypmp42" + SECRET),
        box(b"free", SECRET),
        box(b"mdat", SECRET),
        struct.pack(">I4sQ", 1, b"skip", 22) + SECRET,
    ]
    chance.shuffle(hidden)
    return data + b"".join(hidden) + chance.choice([b"", SECRET])


FORMATS: Final[dict[str, Callable[[Chance, Image.Image, int], bytes]]] = {
    "jpeg": jpeg,
    "png": png,
    "webp": webp,
    "avif": avif,
}


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_but_the_picture_and_its_orientation_is_left_of_a_photo(name: str, picture: Image.Image) -> None:
    chance = Chance(3)
    for turn in range(60 if name == "avif" else 200):
        turned = 1 + turn % 8
        data = FORMATS[name](chance, picture, turned)
        kept = without_metadata(data)
        assert SECRET in data
        assert SECRET not in kept
        assert not any(kind in kept for kind in (b"zTXt", b"tIME", b"http:"))
        assert np.array_equal(pixels(kept), pixels(data))
        assert orientation(kept) == orientation(data) == turned
        assert np.array_equal(to_array(kept, SIZE), to_array(data, SIZE))
        assert without_metadata(kept) == kept
        assert media_type(kept) == media_type(data)


def test_a_photo_of_a_phone_keeps_its_pixels_where_they_are() -> None:
    data = PHONE.read_bytes()
    kept = without_metadata(data)
    assert SECRET in data
    assert SECRET not in kept
    assert len(kept) == len(data)
    assert np.array_equal(pixels(kept), pixels(data))
    read = pi_heif.open_heif(kept)
    assert (read.info["exif"], read.info.get("xmp")) == (None, None)
    assert pi_heif.open_heif(data).info["exif"]


@pytest.mark.parametrize("photo", sorted(PHOTOS.glob("*.jpg")), ids=lambda photo: photo.stem)
def test_a_photo_without_metadata_stays_what_it_is(photo: Path) -> None:
    assert without_metadata(photo.read_bytes()) == photo.read_bytes()


@pytest.mark.parametrize(
    ("file_format", "options"),
    [
        ("JPEG", {"quality": 90, "progressive": True}),
        ("PNG", {}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
    ],
)
def test_colours_stay_and_a_plain_photo_is_not_changed(
    picture: Image.Image, file_format: str, options: dict[str, object]
) -> None:
    data = encoded(picture, file_format, icc_profile=PROFILE, **options)
    assert without_metadata(data) == data


def test_a_jpeg_that_says_only_which_way_is_up_is_not_changed(picture: Image.Image) -> None:
    block = Image.Exif()
    block[0x0112] = 6
    data = encoded(picture, "JPEG", exif=block)
    assert without_metadata(data) == data


def test_the_colours_of_a_print_stay(picture: Image.Image) -> None:
    data = encoded(picture.convert("CMYK"), "JPEG", comment=TEXT)  # inverted, as Adobe's segment says
    kept = without_metadata(data)
    assert SECRET not in kept
    assert np.array_equal(pixels(kept), pixels(data))


def test_the_preview_in_a_jfif_segment_goes(picture: Image.Image) -> None:
    data = encoded(picture, "JPEG")
    content = data[6:18] + b"\2\1" + SECRET  # 2 x 1 pixels of three bytes
    kept = without_metadata(data[:2] + segment(0xE0, content) + data[20:])
    assert kept == data


def test_of_several_pictures_the_first_is_kept(picture: Image.Image) -> None:
    second = encoded(picture.rotate(180), "JPEG", comment=TEXT)
    several = encoded(picture, "MPO", save_all=True, append_images=[Image.open(io.BytesIO(second))])
    kept = without_metadata(several)
    assert np.array_equal(pixels(kept), pixels(several))
    assert kept.count(b"\xff\xd8\xff") == 1
    assert b"MPF" not in kept


def test_the_colours_of_an_avif_stay(picture: Image.Image) -> None:
    data = encoded(picture, "AVIF", speed=10, icc_profile=PROFILE)
    with Image.open(io.BytesIO(without_metadata(data))) as image:
        assert image.info["icc_profile"] == PROFILE


def test_the_first_picture_of_a_sequence_is_kept(picture: Image.Image) -> None:
    data = encoded(picture, "AVIF", save_all=True, append_images=[picture.rotate(180)], xmp=xmp(), speed=10)
    assert data[8:12] == b"avis"
    kept = without_metadata(data)
    assert SECRET not in kept
    assert np.array_equal(pixels(kept), pixels(data))


@pytest.mark.parametrize("name", ["heic", "avif"])
def test_a_picture_in_an_unknown_place_is_written_anew(picture: Image.Image, name: str) -> None:
    data = PHONE.read_bytes() if name == "heic" else avif(Chance(1), picture, 6)
    odd = data.replace(b"mdat", b"skip", 1)  # offsets lead there all the same
    with pytest.raises(UnknownStructureError):
        stripped(odd)
    kept = without_metadata(odd)
    assert media_type(kept) == "image/png"
    assert SECRET not in kept
    assert np.array_equal(pixels(kept), pixels(odd))
    assert np.array_equal(to_array(kept, SIZE), to_array(odd, SIZE))
    assert known_parts(odd) == b""  # where nothing may be decoded


@pytest.mark.parametrize("name", [*FORMATS, "heic"])
def test_a_photo_that_is_cut_off_anywhere_tells_nothing(picture: Image.Image, name: str) -> None:
    data = PHONE.read_bytes() if name == "heic" else FORMATS[name](Chance(5), picture, 6)
    for end in range(0, len(data), 7):
        left = known_parts(data[:end])
        assert len(left) <= max(end + 64, 64)
        if end > 32:
            assert SECRET not in left


@pytest.mark.parametrize("name", [*FORMATS, "heic"])
def test_damage_never_causes_an_error(picture: Image.Image, name: str) -> None:
    chance = Chance(7)
    original = PHONE.read_bytes() if name == "heic" else FORMATS[name](chance, picture, 6)
    for _ in range(2000):
        data = bytearray(original)
        for _ in range(chance.randint(1, 20)):
            data[chance.randrange(min(len(data), chance.choice([40, 900, len(data)])))] = chance.randrange(256)
        known_parts(bytes(data[: chance.randint(1, len(data))]))


@pytest.mark.parametrize("data", [b"", b"I am not a photo", b"<html>", "Äpfel\n".encode()])
def test_a_text_is_kept_as_it_came(data: bytes) -> None:
    assert known_parts(data) == data


@pytest.mark.parametrize("file_format", ["TIFF", "GIF", "BMP", "JPEG2000"])
def test_nothing_is_kept_of_what_may_hold_a_place_and_cannot_be_stripped(
    picture: Image.Image, file_format: str
) -> None:
    assert known_parts(encoded(picture, file_format, exif=exif(Chance(1), 1), comment=TEXT)) == b""


def test_nothing_is_kept_of_a_photo_behind_something_else(picture: Image.Image) -> None:
    for before in (b"\n", b"\0", b"--boundary\r\n"):
        assert known_parts(before + jpeg(Chance(1), picture, 6)) == b""


@pytest.mark.parametrize("name", [*FORMATS, "heic"])
def test_a_wrong_length_keeps_no_metadata(picture: Image.Image, name: str) -> None:
    chance = Chance(11)
    original = PHONE.read_bytes() if name == "heic" else FORMATS[name](chance, picture, 6)
    for _ in range(2000):
        data, at = bytearray(original), chance.randrange(min(len(original), 900))
        data[at] = chance.choice((data[at] ^ 1 << chance.randrange(8), chance.randrange(256)))
        if SECRET in known_parts(bytes(data)):
            pytest.fail(f"byte {at} became {data[at]}")


@pytest.mark.parametrize("share", [0.91, 0.95, 0.99])
@pytest.mark.parametrize("lossless", [False, True])
def test_a_webp_that_misses_its_end_can_be_read_when_it_is_stripped(
    picture: Image.Image, share: float, lossless: bool
) -> None:
    whole = encoded(picture, "WEBP", lossless=lossless)
    data = whole[: int(len(whole) * share)]
    assert np.array_equal(to_array(without_metadata(data), SIZE), to_array(data, SIZE))


@pytest.mark.parametrize(
    "hostile",
    [
        b"\xff\xd8" + b"\xff" * 5_000_000,
        b"\xff\xd8\xff\xda\0\2" + b"\xff\0\xff\xd0" * 1_000_000,
        b"\xff\xd8" + segment(0xFE, b"") * 500_000,
        b"\x89PNG\r\n\x1a\n" + chunk(b"tEXt", b"") * 200_000,
        b"RIFF\xff\xff\xff\xffWEBP" + riff(b"ANMF", riff(b"SECR", b"") * 100_000),
        box(b"ftyp", b"heic\0\0\0\0") + box(b"meta", bytes(4) + box(b"iinf", bytes(6) + box(b"infe", b"") * 200_000)),
        box(b"ftyp", b"heic\0\0\0\0")
        + box(
            b"meta",
            bytes(4)
            + box(b"pitm", bytes(4) + b"\0\1")
            + box(b"iinf", bytes(6) + box(b"infe", b"\2\0\0\0\0\1\0\0hvc1"))
            + box(b"iloc", bytes(4) + b"\0\0\xff\xff" + b"\0\1\0\0\xff\xff" * 60_000),
        ),
        box(b"ftyp", b"heic\0\0\0\0")
        + box(
            b"meta",
            bytes(4)
            + box(b"pitm", bytes(4) + b"\0\1")
            + box(b"iinf", bytes(6) + box(b"infe", b"\2\0\0\0\0\1\0\0hvc1"))
            + box(b"iloc", bytes(4) + b"\x44\0\0\1" + b"\0\1\0\0\x80\0" + struct.pack(">II", 300, 1) * 0x8000),
        )
        + box(b"mdat", b"") * 40_000,
    ],
    ids=["fill", "scan", "segments", "chunks", "frames", "items", "extents", "places"],
)
def test_what_was_made_to_take_long_takes_seconds_at_most(hostile: bytes) -> None:
    assert SECRET not in known_parts(hostile)
