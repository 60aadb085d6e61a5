"""Which format a file is of, by its content."""

from typing import Final

from functions.predict.formats.problems import UnreadableImageError

TAKEN: Final = "send a JPEG, PNG, WebP, HEIC or AVIF photo"
HEIC_BRANDS: Final = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"))
AVIF_BRANDS: Final = frozenset((b"avif", b"avis"))
STRUCTURAL_BRANDS: Final = frozenset((b"mif1", b"mif2", b"mif3", b"msf1", b"miaf", b"heif", b"1pic"))
BOXES_OF_VIDEO: Final = (b"ftyp", b"moov", b"mdat", b"wide", b"skip", b"free", b"pnot")
NOT_IN_TEXT: Final = frozenset(range(32)) - frozenset(b"\t\n\f\r\x1b")
OTHERS: Final = (
    (b"%PDF", "a PDF"),
    (b"GIF8", "a GIF"),
    (b"II*\0\x10\0\0\0CR", "a raw photo"),
    (b"FUJIFILMCCD-RAW", "a raw photo"),
    (b"IIRO", "a raw photo"),
    (b"IIRS", "a raw photo"),
    (b"IIU\0", "a raw photo"),
    (b"II*\0", "a TIFF or a raw photo"),
    (b"MM\0*", "a TIFF or a raw photo"),
    (b"II+\0", "a TIFF"),
    (b"MM\0+", "a TIFF"),
    (b"BM", "a BMP"),
    (b"\xff\x0a", "a JPEG XL"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000"),
    (b"8BPS", "a Photoshop document"),
    (b"\0\0\1\0", "an icon"),
    (b"\x1aE\xdf\xa3", "a video"),
    (b"\0\0\1\xba", "a video"),
    (b"\0\0\1\xb3", "a video"),
    (b"PK\3\4", "a ZIP archive or an office document"),
    (b"\x1f\x8b", "a compressed archive"),
)


def media_type(data: bytes) -> str:
    """The media type of a photo, by what its bytes are and whatever its name says; one of EXTENSIONS.

    Raises UnreadableImageError, with what the file is where that is known, when it is of no format that is taken.
    """
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    if data[4:8] == b"ftyp" and (kind := _media_type_of_brands(data)):
        return kind
    raise UnreadableImageError(f"The file is {_what(data)}; {TAKEN}.")


def is_text(data: bytes) -> bool:
    """Whether a file is nothing but text in UTF-8, and so holds no picture of any format."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return not any(byte in data for byte in NOT_IN_TEXT)


def _media_type_of_brands(data: bytes) -> str | None:
    end = min(int.from_bytes(data[:4]), 4096, len(data))
    major, *compatible = (data[8:12], *(data[at : at + 4] for at in range(16, end - 3, 4)))
    for brand in (major, *compatible):
        if brand in HEIC_BRANDS:
            return "image/heic"
        if brand in AVIF_BRANDS:
            return "image/avif"
    if major in STRUCTURAL_BRANDS:
        return "image/avif" if b"av01" in data[:8192] else "image/heic"
    return None


def _what(data: bytes) -> str:
    if not data:
        return "empty"
    for start, name in OTHERS:
        if data.startswith(start):
            return name
    if data[4:12] == b"ftypcrx ":
        return "a raw photo"
    if data[4:8] in BOXES_OF_VIDEO or (data.startswith(b"RIFF") and data[8:12] == b"AVI "):
        return "a video"
    return _what_text(data[:1024]) or "not an image of a known kind"


def _what_text(start: bytes) -> str | None:
    if any(byte in start for byte in NOT_IN_TEXT):
        return None
    lowered = start.lower()
    if b"<svg" in lowered:
        return "an SVG drawing"
    if b"<!doctype html" in lowered or b"<html" in lowered:
        return "an HTML page"
    return "text" if start.removeprefix(b"\xef\xbb\xbf").isascii() else None
