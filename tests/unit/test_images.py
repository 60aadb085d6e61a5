import io
import random
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from functions.predict.images import UnreadableImageError, to_array

SIZE = 224


def encoded(image: Image.Image, file_format: str = "PNG", **options: object) -> bytes:
    output = io.BytesIO()
    image.save(output, file_format, **options)
    return output.getvalue()


@pytest.fixture
def upright(photo: Path) -> Image.Image:
    with Image.open(photo) as image:
        return image.convert("RGB")


def near(one: np.ndarray, other: np.ndarray) -> bool:
    return bool(np.abs(one - other).mean() < 6)


def test_gives_a_square_of_rgb_values(photo: Path) -> None:
    array = to_array(photo.read_bytes(), SIZE)
    assert array.shape == (SIZE, SIZE, 3)
    assert array.dtype == np.float32
    assert 0 <= array.min() < array.max() <= 255


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turns_a_photo_upright_by_its_exif_orientation(upright: Image.Image, orientation: int) -> None:
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = to_array(encoded(stored, "JPEG", quality=95, exif=exif), SIZE)
    assert near(turned, to_array(encoded(upright, "JPEG", quality=95), SIZE))


@pytest.mark.parametrize("mode", ["CMYK", "L", "P", "RGBA", "LA", "1"])
def test_reads_every_colour_mode(upright: Image.Image, mode: str) -> None:
    data = encoded(upright.convert(mode), "JPEG" if mode == "CMYK" else "PNG")
    assert to_array(data, SIZE).shape == (SIZE, SIZE, 3)


def test_cmyk_keeps_its_colours(upright: Image.Image) -> None:
    assert near(to_array(encoded(upright.convert("CMYK"), "JPEG", quality=95), SIZE), to_array(encoded(upright), SIZE))


def test_scales_sixteen_bit_grey_instead_of_clipping_it(upright: Image.Image) -> None:
    grey = np.asarray(upright.convert("L"))
    deep = Image.fromarray(grey.astype(np.uint16) * 257)
    assert near(to_array(encoded(deep), SIZE), to_array(encoded(Image.fromarray(grey)), SIZE))


def test_puts_transparency_on_white() -> None:
    palette = Image.new("RGBA", (64, 64), (255, 0, 0, 0)).convert("P")
    assert to_array(encoded(palette, transparency=palette.getpixel((0, 0))), SIZE).min() == 255


def test_reads_the_first_frame_of_an_animation(upright: Image.Image) -> None:
    other = Image.new("RGB", upright.size, "blue")
    data = encoded(upright, "WEBP", save_all=True, append_images=[other], lossless=True)
    assert near(to_array(data, SIZE), to_array(encoded(upright), SIZE))


def test_decoding_a_large_jpeg_small_changes_little(upright: Image.Image) -> None:
    large = upright.resize((4000, 3000), Image.Resampling.BICUBIC)
    assert near(to_array(encoded(large, "JPEG", quality=90), SIZE), to_array(encoded(large), SIZE))


def unreadable() -> dict[str, bytes]:
    dot = encoded(Image.new("RGB", (1, 1)))
    whole = encoded(Image.effect_noise((200, 200), 90).convert("RGB"), "JPEG")
    return {
        "nothing": b"",
        "text": b"I am not a photo",
        "html": b"<html><script>alert(1)</script></html>",
        "half a jpeg": whole[: len(whole) // 2],
        "a pixel": dot,
        "a gif": encoded(Image.new("RGB", (64, 64)), "GIF"),
        "a png without its data": encoded(Image.new("RGB", (64, 64)))[:40],
    }


@pytest.mark.parametrize("name", unreadable())
def test_refuses_what_is_no_photo_with_a_sentence(name: str) -> None:
    with pytest.raises(UnreadableImageError, match=r"\.$"):
        to_array(unreadable()[name], SIZE)


def test_refuses_a_decompression_bomb_before_decoding_it() -> None:
    side = 20_000

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )
    with pytest.raises(UnreadableImageError):
        to_array(bomb, SIZE)


def test_damage_never_causes_any_other_error(photo: Path) -> None:
    chance = random.Random(7)
    original = photo.read_bytes()
    for _ in range(300):
        data = bytearray(original)
        for _ in range(chance.randint(1, 30)):
            data[chance.randrange(min(len(data), chance.choice([40, 700, len(data)])))] = chance.randrange(256)
        try:
            assert to_array(bytes(data[: chance.randint(1, len(data))]), SIZE).shape == (SIZE, SIZE, 3)
        except UnreadableImageError:
            pass
