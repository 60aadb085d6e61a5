"""What ends a command of the training, with a sentence for the person who typed it."""


class TrainingError(Exception):
    """The message says in a sentence what is wrong."""
