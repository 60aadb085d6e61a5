"""users and predictions"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

NOW = sa.text("now()")


def upgrade() -> None:
    op.create_table(
        "user_accounts",
        sa.Column("uid", sa.Uuid, primary_key=True),
        sa.Column("role", sa.String, nullable=False, server_default="user"),
        sa.Column("first_name", sa.String, nullable=False),
        sa.Column("last_name", sa.String, nullable=False),
        sa.Column("is_verified", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("email", sa.String, nullable=False, unique=True),
        sa.Column("password_hash", sa.String, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=NOW),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, server_default=NOW),
    )
    op.create_table(
        "predictions",
        sa.Column("uid", sa.Uuid, primary_key=True),
        sa.Column("user_uid", sa.Uuid, nullable=False),
        sa.Column("image_path", sa.Text, nullable=False, unique=True),
        sa.Column("content_type", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("predicted_class", sa.Integer),
        sa.Column("predicted_class_name", sa.Text),
        sa.Column("confidence", sa.Double),
        sa.Column("top_classes", postgresql.JSONB, nullable=False),
        sa.Column("model_version", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False, server_default=NOW),
        sa.CheckConstraint("status IN ('recorded', 'failed')", name="status_is_known"),
        sa.CheckConstraint(
            "(status = 'recorded' AND predicted_class IS NOT NULL AND predicted_class_name IS NOT NULL"
            " AND confidence IS NOT NULL) OR (status = 'failed' AND reason IS NOT NULL)",
            name="status_has_its_values",
        ),
    )
    op.create_index(
        "predictions_of_a_user", "predictions", ["user_uid", sa.text("created_at DESC"), sa.text("uid DESC")]
    )


def downgrade() -> None:
    op.drop_table("predictions")
    op.drop_table("user_accounts")
