"""what a user says that a photo shows"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("predictions", sa.Column("label", sa.Text))
    op.add_column("predictions", sa.Column("labelled_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("predictions", "labelled_at")
    op.drop_column("predictions", "label")
