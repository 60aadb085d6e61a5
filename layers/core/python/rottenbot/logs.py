"""The one logger: JSON lines with the request id and, on AWS, the trace id."""

from aws_lambda_powertools import Logger

logger = Logger(service="rottenbot", log_uncaught_exceptions=True)
