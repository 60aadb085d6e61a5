"""What was tried in vain as often as its queue allows: photos become failed records, and users are still forgotten."""

from functions.archive import service
from functions.archive.events import processing
from rottenbot import bucket_events

handler = bucket_events.handler(processing(service.give_up), of_dead_letters=True)
