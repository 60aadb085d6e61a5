"""The one thing in a photo's metadata that its pixels depend on: which way up it was held."""

from typing import Final, Literal

ORIENTATION: Final = 0x0112
WHOLE_NUMBERS: Final = {3: 2, 4: 4, 8: 2, 9: 4}  # TIFF's types SHORT, LONG, SSHORT, SLONG: bytes
UPRIGHT: Final = 1
BYTE_ORDERS: Final[dict[bytes, Literal["little", "big"]]] = {b"II": "little", b"MM": "big"}


def orientation(exif: bytes) -> int:
    """The orientation, 1 to 8, in a block of EXIF; upright for anything odd, since no metadata outweighs a photo."""
    tiff = exif.removeprefix(b"Exif\0\0")
    order = BYTE_ORDERS.get(tiff[:2])
    if order is None:
        return UPRIGHT
    directory = int.from_bytes(tiff[4:8], order)
    entries = tiff[directory + 2 : directory + 2 + 12 * int.from_bytes(tiff[directory : directory + 2], order)]
    for at in range(0, len(entries) - 11, 12):
        tag, kind = (int.from_bytes(entries[at + part : at + part + 2], order) for part in (0, 2))
        if tag == ORIENTATION:
            return _value(entries[at : at + 12], kind, order)
    return UPRIGHT


def _value(entry: bytes, kind: int, order: Literal["little", "big"]) -> int:
    width = WHOLE_NUMBERS.get(kind)
    if width is None or int.from_bytes(entry[4:8], order) != 1:
        return UPRIGHT
    value = int.from_bytes(entry[8 : 8 + width], order)
    return value if 1 <= value <= 8 else UPRIGHT
