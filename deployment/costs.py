"""What a month costs on AWS, by how many photos are classified and kept: `python -m deployment.costs` prints the table.

List prices of US East (N. Virginia) in US dollars, without the free tier, as of June 2026, from aws.amazon.com:
/lambda/pricing, /api-gateway/pricing, /s3/pricing, /sqs/pricing, /rds/aurora/pricing, /elasticache/pricing,
/cloudwatch/pricing, /privatelink/pricing, /kms/pricing, /secrets-manager/pricing, /ecr/pricing.
"""

from typing import Final

HOURS: Final = 730
PREDICTIONS: Final = (0, 10_000, 1_000_000, 100_000_000)

API_REQUEST: Final = 3.50e-6
LAMBDA_REQUEST: Final = 0.20e-6
LAMBDA_GB_SECOND: Final = 0.0000166667
PROVISIONED_GB_SECOND: Final = 0.0000041667
S3_WRITE: Final = 5e-6
S3_READ: Final = 0.4e-6
S3_GB_MONTH: Final = 0.023
SQS_REQUEST: Final = 0.40e-6
LOGS_GB: Final = 0.50
DATABASE_ACU_HOUR: Final = 0.12
DATABASE_GB_MONTH: Final = 0.10
CACHE_GB_HOUR: Final = 0.084
CACHE_UNIT: Final = 0.0023e-6
ENDPOINT_HOUR: Final = 0.01
ALARM: Final = 0.10
SECRET: Final = 0.40
KEY: Final = 1.00
IMAGES_GB_MONTH: Final = 0.10

# What one photo that is classified and kept takes. Times are measured (`make cold-starts`, `make bench`), rounded up.
PREDICT_GB_SECONDS: Final = 1769 / 1024 * 0.030
ARCHIVE_GB_SECONDS: Final = 512 / 1024 * 0.060
PHOTO_GB: Final = 100e-6
ROW_GB: Final = 1e-6
LOG_GB: Final = 2.5e-6

# The database's hours awake times its capacity (ACU): pauses, some hours of use, always awake, busy.
DATABASE_ACU_HOURS: Final = (0.0, 20 * 0.5, HOURS * 0.5, HOURS * 2.0)
ALARMS: Final = 18
AVAILABILITY_ZONES: Final = 2
LEAST_CACHE_GB: Final = 0.1
IMAGES_GB: Final = 0.5


def photo() -> float:
    """Dollars for one photo, without database and cache; the photo stays half a month on average."""
    functions = 2 * LAMBDA_REQUEST + (PREDICT_GB_SECONDS + ARCHIVE_GB_SECONDS) * LAMBDA_GB_SECOND
    storage = 2 * S3_WRITE + 2 * S3_READ + PHOTO_GB / 2 * S3_GB_MONTH
    return API_REQUEST + functions + storage + 3 * SQS_REQUEST + LOG_GB * LOGS_GB


def standing() -> float:
    """Dollars a month for what is there whether or not it is used, with database and cache elsewhere."""
    return KEY + 6 * SECRET + ALARMS * ALARM + IMAGES_GB * IMAGES_GB_MONTH


def own_stores(predictions: int, acu_hours: float) -> float:
    """Dollars a month for the stack's own database, cache and way to Secrets Manager."""
    database = acu_hours * DATABASE_ACU_HOUR + (1 + predictions * ROW_GB) * DATABASE_GB_MONTH
    cache = LEAST_CACHE_GB * HOURS * CACHE_GB_HOUR + 3 * predictions * CACHE_UNIT
    return database + cache + SECRET + AVAILABILITY_ZONES * HOURS * ENDPOINT_HOUR


def provisioned() -> float:
    """Dollars a month for one environment of provisioned concurrency."""
    return 1769 / 1024 * HOURS * 3600 * PROVISIONED_GB_SECOND


def table() -> str:
    """The costs as a Markdown table."""
    lines = ["| photos a month | all on AWS | database and cache elsewhere |", "|---|---|---|"]
    for predictions, acu_hours in zip(PREDICTIONS, DATABASE_ACU_HOURS, strict=True):
        small = standing() + predictions * photo()
        whole = small + own_stores(predictions, acu_hours)
        lines.append(f"| {predictions:,} | ${whole:,.0f} | ${small:,.0f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
    print(f"\nOne environment of provisioned concurrency: ${provisioned():.0f}")
