"""Uploads that were tried in vain as often as their queue allows."""

from functions.predict import handover
from rottenbot import bucket_events, settings

settings.check(settings.events)
handler = bucket_events.handler(handover.give_up, of_dead_letters=True)
