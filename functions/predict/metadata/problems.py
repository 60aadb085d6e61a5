"""Why metadata cannot be told from a picture."""


class UnknownStructureError(ValueError):
    """It cannot be told where in the file the picture is."""
