"""What a client says that a file is: only ever a hint."""

from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field

from functions.predict.images import EXTENSIONS

UNKNOWN: Final = "application/octet-stream"
SPELLINGS: Final = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/jfif": "image/jpeg",
    "image/pipeg": "image/jpeg",
    "image/x-png": "image/png",
    "image/heif": "image/heic",
    "image/heic-sequence": "image/heic",
    "image/heif-sequence": "image/heic",
    "image/avif-sequence": "image/avif",
}
SAY_NOTHING: Final = frozenset((UNKNOWN, "binary/octet-stream", "image", "image/*"))


def photo_type(content_type: str | None) -> str | None:
    """The type of photo that a media type means, in whatever spelling and with whatever parameters, if any."""
    plain = _plain(content_type)
    spelled = SPELLINGS.get(plain, plain)
    return spelled if spelled in EXTENSIONS else None


def _plain(content_type: str | None) -> str:
    return (content_type or "").partition(";")[0].strip().lower()


def _told(content_type: object) -> object:
    return UNKNOWN if content_type in (None, "") else content_type


def _require_photo_type(content_type: str) -> str:
    if not photo_type(content_type) and _plain(content_type) not in SAY_NOTHING:
        kinds = ", ".join(EXTENSIONS)
        raise ValueError(f"must be one of {kinds}, or {UNKNOWN} for a photo whose type you do not know")
    return content_type


DeclaredType = Annotated[
    str,
    BeforeValidator(_told),
    Field(max_length=200, pattern=r"^[\x20-\x7e]*$"),
    AfterValidator(_require_photo_type),
]
