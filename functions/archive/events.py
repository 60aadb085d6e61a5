"""What arrives in the events bucket for the archive: classified photos, and the word that a user is to be forgotten."""

from collections.abc import Callable

from functions.archive import service
from rottenbot import bucket_events, settings
from rottenbot.bucket_events import CreatedObject
from rottenbot.photos import user_to_forget

settings.check(settings.events, settings.archive, settings.database)


def processing(photo: Callable[[CreatedObject], None]) -> Callable[[CreatedObject], None]:
    """What does as an object's key asks for, where this is what is done with a photo."""

    def process(created: CreatedObject) -> None:
        user_uid = user_to_forget(created.key)
        if user_uid:
            service.forget_user(user_uid, created)
        else:
            photo(created)

    return process


handler = bucket_events.handler(processing(service.record_photo))
