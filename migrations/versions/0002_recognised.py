"""whether a photo looked like any of the classes"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("predictions", sa.Column("recognised", sa.Boolean))


def downgrade() -> None:
    op.drop_column("predictions", "recognised")
