"""What people and attackers send: odd metadata, damage, phones' formats, and files that cost more than they seem."""

import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from functions.predict.formats import isobmff
from functions.predict.images import UnreadableImageError, media_type, to_array
from tests.unit.corpus import (
    PHOTOS,
    SIZE,
    damaged_files,
    encoded,
    exif_files,
    photos,
    png_chunk,
    shown_by_pillow,
    tried,
)

ODD = sorted(path for path in (PHOTOS / "odd").glob("*.[jp]*g") if path.name != "exif_KeyError.jpg")
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def distance(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).mean())


def flat_png(width: int, height: int, *chunks: bytes) -> bytes:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    pack = zlib.compressobj(1)
    rows = [pack.compress(bytes(1 + 3 * width)) for _ in range(height)]
    pixels = png_chunk(b"IDAT", b"".join((*rows, pack.flush())))
    return b"".join((b"\x89PNG\r\n\x1a\n", header, *chunks, pixels, png_chunk(b"IEND", b"")))


def of_dimensions(jpeg: bytes, width: int, height: int) -> bytes:
    at = max(jpeg.find(b"\xff\xc0"), jpeg.find(b"\xff\xc2"))
    return jpeg[: at + 5] + struct.pack(">HH", height, width) + jpeg[at + 9 :]


def with_scans(jpeg: bytes, count: int) -> bytes:
    last = jpeg.rindex(b"\xff\xda")
    header = jpeg[last : last + 2 + int.from_bytes(jpeg[last + 2 : last + 4])]
    return jpeg[:-2] + (header + b"\0") * count + b"\xff\xd9"


@pytest.mark.parametrize("path", ODD, ids=lambda path: path.name)
def test_metadata_and_a_missing_end_do_not_decide_over_a_photo(path: Path) -> None:
    assert distance(to_array(path.read_bytes(), SIZE), to_array((PHOTOS / "Apple__Healthy.jpg").read_bytes(), SIZE)) < 2


def test_exif_that_pillow_cannot_write_again_does_not_decide_over_a_photo() -> None:
    path = PHOTOS / "odd/exif_KeyError.jpg"
    with Image.open(path) as image:
        upright = image.convert("RGB").transpose(Image.Transpose.ROTATE_270)
    assert distance(to_array(path.read_bytes(), SIZE), to_array(encoded(upright, "PNG"), SIZE)) < 2


def test_no_exif_refuses_a_photo() -> None:
    assert {tried(data) for _, data in exif_files(400)} == {"shown"}


@pytest.mark.parametrize("kind", [1, 2, 3, 4, 5, 7, 10, 12, 13, 99])
@pytest.mark.parametrize("value", [0, 6, 9, 255])
def test_an_odd_orientation_is_upright(kind: int, value: int) -> None:
    data = photos()["jpeg"]
    entry = struct.pack("<HHIHH", 0x0112, kind, 1, value, 0)
    block = b"Exif\0\0II*\0\x08\0\0\0\1\0" + entry + bytes(4)
    turned = to_array(data[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + data[2:], SIZE)
    is_six = value == 6 and kind in (3, 4)
    assert np.array_equal(turned, np.rot90(to_array(data, SIZE), -1) if is_six else to_array(data, SIZE))


def test_damage_is_refused_in_a_sentence_or_shown_and_never_refused_where_pillow_shows_it() -> None:
    for name, data in damaged_files(60):
        assert tried(data) == "shown" or not shown_by_pillow(data), name


@pytest.mark.parametrize("name", ["jpeg", "progressive jpeg", "cmyk jpeg", "png", "palette png", "webp", "heic"])
@pytest.mark.parametrize("share", [0.91, 0.95, 0.99])
def test_what_is_there_of_a_photo_that_misses_less_than_its_last_tenth_is_shown(name: str, share: float) -> None:
    data = photos()[name]
    assert distance(to_array(data[: int(share * len(data))], SIZE), to_array(data, SIZE)) < 30


@pytest.mark.parametrize("name", [name for name in photos() if name != "progressive jpeg"])
def test_a_photo_of_which_half_is_missing_is_said_to_be_cut_off(name: str) -> None:
    data = photos()[name]
    with pytest.raises(UnreadableImageError, match="cut off"):
        to_array(data[: len(data) // 2], SIZE)


@pytest.mark.parametrize(
    ("start", "what"),
    [
        (b"", "empty"),
        (b"%PDF-1.7", "a PDF"),
        (b"GIF89a", "a GIF"),
        (b"<!DOCTYPE html><html>", "an HTML page"),
        (b'<?xml version="1.0"?><svg xmlns=', "an SVG drawing"),
        (b"\0\0\0\x14ftypqt  ", "a video"),
        (b"\0\0\0\x18ftypmp42", "a video"),
        (b"II*\0\x08\0\0\0", "a TIFF or a raw photo"),
        (b"\0\0\0\x18ftypcrx ", "a raw photo"),
        (b"BM\x36\0", "a BMP"),
        (b"\0\0\0\x0cJXL \r\n", "a JPEG XL"),
        (b"Dear Sir or Madam", "text"),
        (b"\x93\x07\xfe\x01", "not an image of a known kind"),
    ],
)
def test_what_is_no_photo_is_named(start: bytes, what: str) -> None:
    with pytest.raises(UnreadableImageError) as refused:
        to_array(start, SIZE)
    assert str(refused.value) == f"The file is {what}; send a JPEG, PNG, WebP, HEIC or AVIF photo."


def test_the_media_type_is_that_of_the_content() -> None:
    kinds = {name: media_type(data).removeprefix("image/") for name, data in photos().items()}
    assert kinds == {name: name.split()[-1] for name in photos()}


@pytest.mark.parametrize("brand", [b"mif1", b"msf1"])
def test_a_structural_brand_is_read_as_what_it_is_compatible_with(brand: bytes) -> None:
    heic, avif = (photos()[name] for name in ("heic", "avif"))
    assert media_type(heic[:8] + brand + heic[12:]) == "image/heic"
    assert media_type(avif[:8] + brand + avif[12:]) == "image/avif"


@pytest.mark.parametrize(("width", "height"), [(8176, 6132), (9248, 6936), (12000, 9000), (16320, 12240)])
def test_large_jpegs_of_phones_are_classified(width: int, height: int) -> None:
    assert abs(to_array(encoded(Image.new("L", (width, height), 90), "JPEG"), SIZE).mean() - 90) < 1


def test_heic_is_turned_once_by_its_own_boxes_and_not_again_by_its_exif() -> None:
    turned, plain = (to_array(photos()[name], SIZE) for name in ("tiled heic", "heic"))
    with Image.open(PHOTOS / "Apple__Rotten.jpg") as image:
        original = to_array(encoded(image, "PNG"), SIZE)
    assert distance(plain, original) < 6
    assert distance(turned, original) < 6


def test_avif_is_turned_once() -> None:
    with Image.open(PHOTOS / "Apple__Rotten.jpg") as image:
        upright = image.convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = encoded(upright.transpose(Image.Transpose.ROTATE_90), "AVIF", exif=exif)
    assert distance(to_array(turned, SIZE), to_array(encoded(upright, "PNG"), SIZE)) < 6


@pytest.mark.parametrize("second", ["MPO", "a video"])
def test_a_motion_photo_shows_its_first_picture(second: str) -> None:
    first, other = Image.new("RGB", (640, 480), "red"), Image.new("RGB", (640, 480), "blue")
    motion = encoded(first, "JPEG") + b"\0\0\0\x18ftypmp42" + bytes(5000)
    data = encoded(first, "MPO", save_all=True, append_images=[other]) if second == "MPO" else motion
    assert np.array_equal(to_array(data, SIZE), to_array(encoded(first, "JPEG"), SIZE))


def swapped_profile() -> bytes:
    """sRGB with red and green changed over, so that a conversion is seen."""
    return SRGB.replace(b"rXYZ", b"swap").replace(b"gXYZ", b"rXYZ").replace(b"swap", b"gXYZ")


@pytest.mark.parametrize(
    ("file_format", "options"), [("JPEG", {"quality": 95}), ("PNG", {}), ("WEBP", {"lossless": True}), ("AVIF", {})]
)
def test_colours_are_converted_from_the_photos_profile(file_format: str, options: dict[str, object]) -> None:
    red = encoded(Image.new("RGB", (300, 300), (250, 10, 10)), file_format, icc_profile=swapped_profile(), **options)
    assert distance(to_array(red, SIZE)[0, 0], np.array((10, 250, 10))) < 8


@pytest.mark.parametrize("profile", [b"\0", b"not a profile", SRGB[:200], SRGB[:-1], SRGB.replace(b"RGB ", b"Lab ")])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_broken_or_foreign_profile_is_ignored(profile: bytes, mode: str) -> None:
    image = Image.new("RGB", (300, 300), (200, 30, 90)).convert(mode)
    with_profile = to_array(encoded(image, "JPEG", icc_profile=profile), SIZE)
    assert distance(with_profile, to_array(encoded(image, "JPEG"), SIZE)) < 2


def hostile() -> dict[str, bytes]:
    noise = Image.effect_noise((64, 64), 90).convert("RGB")
    plain, progressive = encoded(noise, "JPEG"), encoded(noise, "JPEG", progressive=True)
    small, huge = struct.pack(">II", 160, 120), struct.pack(">II", 17_000, 17_000)
    return {
        "2,500 scans": with_scans(of_dimensions(progressive, 4000, 3000), 2500),
        "a progressive jpeg of 400 MP": of_dimensions(progressive, 20_000, 20_000),
        "a jpeg of 4 GP": of_dimensions(plain, 65_500, 65_500),
        "a million segments": plain[:2] + b"\xff\xe1\0\2" * 1_000_000 + plain[2:],
        "a million chunks": photos()["png"][:33] + png_chunk(b"IDAT", b"") * 1_000_000 + photos()["png"][33:],
        "a webp of 50 MP": encoded(Image.new("RGBA", (7071, 7071), (9, 9, 9, 9)), "WEBP", lossless=True, method=0),
        "a palette of 300 MP": photos()["palette png"].replace(small, huge),
        "a heic of 200 MP": photos()["heic"].replace(struct.pack(">II", 300, 168), struct.pack(">II", 16320, 12240)),
    }


def test_work_is_refused_by_what_the_header_says_it_would_be() -> None:
    for name, data in hostile().items():
        began = time.process_time()
        with pytest.raises(UnreadableImageError, match=r"too l|damaged"):
            to_array(data, SIZE)
        assert time.process_time() - began < 1, name


@pytest.mark.parametrize("filler", [b"\xff", b"\xff\x01", b"\xff\0", b"\0"])
def test_junk_before_the_first_marker_costs_no_time(filler: bytes) -> None:
    data = photos()["jpeg"]
    began = time.process_time()
    assert to_array(data[:2] + b"\xff\xfe\0\2" + filler * (20_000_000 // len(filler)) + data[2:], SIZE).any()
    assert time.process_time() - began < 2


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"iCCP"])
def test_a_compressed_chunk_is_never_inflated_whole(kind: bytes) -> None:
    bomb = png_chunk(kind, b"a\0\0" + zlib.compress(bytes(100_000_000), 1))
    assert to_array(flat_png(64, 64, bomb), SIZE).shape == (SIZE, SIZE, 3)


GROWTH = """
import resource, sys
from functions.predict.images import to_array
from tests.unit.corpus import photos
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for data in photos().values():
    to_array(data, 224)
data = open(sys.argv[1], "rb").read()
before = peak()
to_array(data, 224)
print((peak() - before) // 1000)
"""


@pytest.mark.parametrize("name", ["png", "webp", "jpeg"])
def test_the_largest_photos_that_are_taken_need_about_300_mb(name: str, tmp_path: Path) -> None:
    large = {
        "png": lambda: flat_png(8400, 8400),
        "webp": lambda: encoded(Image.new("RGBA", (4300, 4300), (9, 9, 9, 99)), "WEBP", lossless=True, method=0),
        "jpeg": lambda: of_dimensions(encoded(Image.new("CMYK", (64, 64)), "JPEG"), 65_500, 890),
    }
    file = tmp_path / name
    file.write_bytes(large[name]())
    ended = subprocess.run([sys.executable, "-c", GROWTH, file], capture_output=True, text=True, check=True)
    assert int(ended.stdout) < 340


def test_sixteen_million_pixels_of_transparency_are_put_on_white() -> None:
    clear = Image.new("LA", (4200, 4000), (0, 0))
    assert to_array(encoded(clear, "PNG", compress_level=1), SIZE).min() == 255


def test_reading_photos_in_one_thread_does_not_change_how_pillow_reads_in_another() -> None:
    program = (
        "from PIL import Image, ImageFile; before = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES;"
        "from functions.predict.images import to_array; from tests.unit.corpus import photos;"
        "[to_array(data, 224) for data in photos().values()];"
        "assert before == (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def riff(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def webp_of(*chunks: bytes) -> bytes:
    return riff(b"RIFF", b"WEBP" + b"".join(chunks))


def test_an_animation_shows_its_first_picture_whatever_the_others_are_made_of() -> None:
    photo = Image.open(PHOTOS / "Apple__Rotten.jpg").convert("RGB").resize((64, 48))
    red = Image.new("RGB", photo.size, "red")
    lossy, lossless = encoded(red, "WEBP")[12:], encoded(photo, "WEBP", lossless=True)[12:]
    size = (63).to_bytes(3, "little") + (47).to_bytes(3, "little")
    frames = [riff(b"ANMF", bytes(6) + size + bytes(4) + picture) for picture in (lossless, lossy)]
    data = webp_of(riff(b"VP8X", b"\2\0\0\0" + size), riff(b"ANIM", bytes(6)), *frames)
    assert distance(to_array(data, SIZE), to_array(encoded(photo, "PNG"), SIZE)) < 1


@pytest.mark.parametrize("kind", [b"EXIF", b"XMP "])
def test_webp_metadata_may_stand_before_the_picture(kind: bytes) -> None:
    plain = photos()["webp"]
    extended = riff(b"VP8X", b"\x0c\0\0\0" + (159).to_bytes(3, "little") + (119).to_bytes(3, "little"))
    assert (to_array(webp_of(extended, riff(kind, b"odd"), plain[12:]), SIZE) == to_array(plain, SIZE)).all()


def test_a_heic_whose_items_are_each_the_whole_file_is_refused() -> None:
    phone = (PHOTOS / "phone.heic").read_bytes()
    start = phone.index(b"iloc") - 4
    entry = struct.pack(">HHHII", 1, 0, 1, 0, len(phone))
    locations = bytes(4) + b"\x44\0" + struct.pack(">H", 400) + entry * 400
    bomb = phone[:start] + struct.pack(">I4s", len(locations) + 8, b"iloc") + locations + phone[start:]
    with pytest.raises(UnreadableImageError, match="damaged"):
        isobmff.read(bomb[: start + 8 + len(locations)])
