"""Photos that were uploaded to the events bucket."""

from functions.predict import service
from rottenbot import bucket_events

handler = bucket_events.handler(service.classify_upload)
