"""What arrives in the events bucket for the archive: classified photos, and the word that a user is to be forgotten."""

from functions.archive import service
from rottenbot import bucket_events, settings
from rottenbot.bucket_events import CreatedObject
from rottenbot.photos import user_to_forget

settings.check(settings.events, settings.archive, settings.database)


def process(created: CreatedObject) -> None:
    """Do what an object's key asks for."""
    user_uid = user_to_forget(created.key)
    if user_uid:
        service.forget_user(user_uid, created)
    else:
        service.record_photo(created)


handler = bucket_events.handler(process)
