"""photos that their user lets the admins look at, and a list of everybody's photos"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("predictions", sa.Column("shared", sa.Boolean, nullable=False, server_default=sa.text("false")))
    op.create_index("predictions_newest", "predictions", [sa.text("created_at DESC"), sa.text("uid DESC")])
    op.create_index("users_newest", "user_accounts", [sa.text("created_at DESC"), sa.text("uid DESC")])


def downgrade() -> None:
    op.drop_index("users_newest")
    op.drop_index("predictions_newest")
    op.drop_column("predictions", "shared")
