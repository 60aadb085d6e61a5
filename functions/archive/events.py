"""Photos that were classified and wait in the events bucket to be recorded."""

from functions.archive import service
from rottenbot import bucket_events, settings

settings.check(settings.events, settings.archive, settings.database)
handler = bucket_events.handler(service.record_photo)
