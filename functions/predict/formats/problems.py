"""Why a file is no photo that can be classified."""


class UnreadableImageError(ValueError):
    """The bytes are no photo that can be classified; the message says why, and what to do, in a sentence."""
