"""what a user says that a photo shows, and users whose photos are gone for good"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("predictions", sa.Column("label", sa.Text))
    op.add_column("predictions", sa.Column("labelled_at", sa.DateTime(timezone=True)))
    op.create_table(
        "forgotten_users",
        sa.Column("user_uid", sa.Uuid, primary_key=True),
        sa.Column("forgotten_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    )


def downgrade() -> None:
    op.drop_table("forgotten_users")
    op.drop_column("predictions", "labelled_at")
    op.drop_column("predictions", "label")
