"""A photo whose header is read and whose pixels are not yet decoded."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from PIL import Image

from functions.predict.formats.problems import UnreadableImageError

CUT_OFF: Final = "The photo is cut off: more than its last tenth is missing. Send it again, whole."
CUT_OFF_FOR_GOOD: Final = "The photo is cut off, and what there is of it cannot be decoded. Send it again, whole."
DAMAGED: Final = "The photo is damaged and cannot be decoded. Send it again, or another one."
BYTES_NEEDED: Final = 0.9
# The last tenth of a file is up to a fifth of its rows: a plain background takes few bytes.
ROWS_NEEDED: Final = 0.8
MAX_PROFILE: Final = 4_000_000


@dataclass(frozen=True)
class Source:
    """A photo of `width` x `height` pixels as they are stored, before `orientation` (EXIF, 1 to 8) turns it upright.

    Readers take the side in pixels of the square that the photo will be squeezed to, and `decode` may give a smaller
    image than is stored, but with no side under twice that. `memory` (bytes) and `seconds` (one core) are upper
    estimates of what it takes. A photo that is not `whole` misses some of its last tenth.
    """

    width: int
    height: int
    memory: int
    seconds: float
    decode: Callable[[], Image.Image]
    orientation: int = 1
    profile: bytes | None = None
    whole: bool = True


def require(there: int, whole: int, share: float, otherwise: str = CUT_OFF) -> None:
    """Raises UnreadableImageError with a sentence when less than that share of a photo's bytes or rows are there."""
    if there < share * whole:
        raise UnreadableImageError(otherwise)
