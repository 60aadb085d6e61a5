"""Generated photos of every format, odd metadata, and damage, all by seed.

`python -m tests.unit.corpus 2000` tries that many damaged files of each format, and twice as many blocks of EXIF.
"""

import io
import struct
import sys
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

from PIL import Image

from functions.predict.images import UnreadableImageError, to_array

PHOTOS = Path(__file__).parents[1] / "photos"
SIZE = 224
SLOWEST = 2.0  # seconds
EXIF_ROOM = 300
KNOWN_TAGS = (0x0100, 0x010E, 0x010F, 0x0112, 0x011A, 0x011B, 0x0128, 0x0131, 0x0132, 0x8769, 0x8825, 0xA005, 0x014A)


def encoded(image: Image.Image, file_format: str, **options: object) -> bytes:
    output = io.BytesIO()
    image.save(output, file_format, **options)
    return output.getvalue()


def photos(side: int = 160) -> dict[str, bytes]:
    """A small photo in every format and variant that is taken; of HEIC one of a single picture and one of tiles."""
    with Image.open(PHOTOS / "Apple__Rotten.jpg") as photo:
        image = photo.convert("RGB").resize((side, side * 3 // 4))
    roomy = Image.Exif()
    roomy[0x010E] = "-" * EXIF_ROOM
    return {
        "jpeg": encoded(image, "JPEG", quality=85),
        "progressive jpeg": encoded(image, "JPEG", quality=85, progressive=True),
        "cmyk jpeg": encoded(image.convert("CMYK"), "JPEG"),
        "png": encoded(image, "PNG"),
        "palette png": encoded(image.quantize(64), "PNG"),
        "webp": encoded(image, "WEBP", quality=80),
        "lossless webp": encoded(image.convert("RGBA"), "WEBP", lossless=True),
        "avif": encoded(image, "AVIF", quality=60, speed=10, exif=roomy),
        "heic": (PHOTOS / "odd/apple.heic").read_bytes(),
        "tiled heic": (PHOTOS / "odd/apple_tiles_turned.heic").read_bytes(),
        "phone heic": (PHOTOS / "phone.heic").read_bytes(),
    }


def exif(chance: Random) -> bytes:
    """A block of EXIF with anything in it: tags, types, counts, offsets and chains of directories as they come."""
    order = chance.choice("<>")
    entries = [_entry(chance, order) for _ in range(chance.choice((0, 1, 3, 12)))]
    if chance.random() < 0.7:  # only of a turned photo is the rest of its EXIF of interest to anyone
        turned = struct.pack(order + "HHIHH", 0x0112, 3, 1, chance.randint(2, 8), 0)
        entries.insert(chance.randint(0, len(entries)), turned)
    count = len(entries) if chance.random() < 0.8 else chance.randrange(65536)
    directory = struct.pack(order + "H", count) + b"".join(entries)
    following = chance.choice((0, 8, chance.randrange(2**32)))
    first = 8 if chance.random() < 0.9 else chance.randrange(2**32)
    mark = b"II" if order == "<" else b"MM"
    tiff = mark + struct.pack(order + "HI", 42, first) + directory + struct.pack(order + "I", following)
    return tiff + chance.randbytes(chance.choice((0, 40)))


def _entry(chance: Random, order: str) -> bytes:
    tag = chance.choice(KNOWN_TAGS) if chance.random() < 0.8 else chance.randrange(65536)
    kind = chance.choice((3, chance.randint(1, 12), chance.randint(1, 13), chance.randrange(65536)))
    count = chance.choice((1, 1, 0, 2, chance.randrange(100), chance.randrange(2**32)))
    value = chance.choice((struct.pack(order + "HH", chance.randrange(10), 0), chance.randbytes(4), b"\0\0\0\x08"))
    return struct.pack(order + "HHI", tag, kind, count) + value


def with_exif(name: str, data: bytes, block: bytes) -> bytes:
    """A photo with that EXIF in it, whatever it holds; HEIC and AVIF have room for it already."""
    if "jpeg" in name:
        return data[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 8) + b"Exif\0\0" + block + data[2:]
    if "png" in name:
        return data[:33] + png_chunk(b"eXIf", block) + data[33:]
    if "webp" in name:
        return _webp_with_exif(data, block)
    room = max(data.find(b"II*\0"), data.find(b"MM\0*"))
    return data[:room] + block[:EXIF_ROOM] + data[room + len(block[:EXIF_ROOM]) :]


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _webp_with_exif(data: bytes, block: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as image:
        width, height = image.size
    canvas = ((width - 1) | (height - 1) << 24).to_bytes(6, "little")
    extended = b"VP8X" + struct.pack("<IB3x", 10, 0x18) + canvas
    chunk = b"EXIF" + struct.pack("<I", len(block)) + block + bytes(len(block) % 2)
    body = b"WEBP" + extended + data[12:] + chunk
    return b"RIFF" + struct.pack("<I", len(body)) + body


def damaged(chance: Random, data: bytes) -> bytes:
    """With flipped bits, a cut end, or a piece put in, doubled, moved or taken out."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at, length = chance.randrange(len(changed)), chance.choice((1, 4, 12, 60, 400))
        piece = changed[at : at + length]
        match chance.randrange(7):
            case 0 | 1:
                changed[at] ^= 1 << chance.randrange(8)
            case 2:
                near = chance.randrange(min(len(changed), 400))
                changed[near] = chance.randrange(256)
            case 3:
                del changed[at : at + length]
            case 4:
                changed[at:at] = piece
            case 5:
                changed[at:at] = chance.randbytes(length)
            case 6:
                del changed[chance.randint(len(changed) // 2, len(changed)) :]
        if not changed:
            return b""
    return bytes(changed)


def shown_by_pillow(data: bytes) -> bool:
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP", "AVIF")) as image:
            image.load()
            return min(image.size) >= 16
    except Exception:
        return False


def tried(data: bytes) -> str:
    """What becomes of a file: "shown", or the sentence that refuses it. Any other error comes through, slowness too."""
    began = time.process_time()
    try:
        array = to_array(data, SIZE)
        assert array.shape == (SIZE, SIZE, 3)
        return "shown"
    except UnreadableImageError as error:
        return str(error)
    finally:
        assert time.process_time() - began < SLOWEST


def damaged_files(count: int, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    for name, data in photos().items():
        chance = Random(f"{seed} {name}")
        for _ in range(count):
            yield name, damaged(chance, data)


def exif_files(count: int, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    samples = {name: data for name, data in photos(64).items() if name not in ("heic", "phone heic")}
    chance = Random(seed)
    for _ in range(count):
        name = chance.choice(list(samples))
        yield name, with_exif(name, samples[name], exif(chance))


def main(count: int) -> None:
    outcomes: Counter[tuple[str, str]] = Counter()
    for name, data in exif_files(2 * count):
        outcomes["exif in " + name, tried(data)] += 1
    for name, data in damaged_files(count):
        outcome = tried(data)
        outcomes[name, outcome] += 1
        if outcome != "shown" and shown_by_pillow(data):
            outcomes[name, "REFUSED, THOUGH PILLOW SHOWS IT"] += 1
    for (name, outcome), number in sorted(outcomes.items()):
        print(f"{number:6} {name}: {outcome}")


if __name__ == "__main__":
    main(int(sys.argv[1]))
