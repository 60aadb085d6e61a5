"""what each function may do, and rows that their own user alone reaches"""

from alembic import op

revision = "0005"
down_revision = "0004"

ROLES = ("rottenbot_auth", "rottenbot_archive", "rottenbot_recorder", "rottenbot_reviewer")
GRANTS = (
    "SELECT, INSERT, UPDATE, DELETE ON user_accounts TO rottenbot_auth",
    "SELECT, DELETE, UPDATE (label, shared, labelled_at) ON predictions TO rottenbot_archive",
    "SELECT, INSERT, UPDATE, DELETE ON predictions TO rottenbot_recorder",
    "SELECT, INSERT ON forgotten_users TO rottenbot_recorder",
    "SELECT ON predictions TO rottenbot_reviewer",
    "rottenbot_reviewer TO rottenbot_archive",
)
OWN = "user_uid = nullif(current_setting('rottenbot.user_uid', true), '')::uuid"
POLICIES = (
    f"own_rows ON predictions TO rottenbot_archive USING ({OWN})",
    "every_row ON predictions TO rottenbot_recorder USING (true)",
    "every_row_read ON predictions FOR SELECT TO rottenbot_reviewer USING (true)",
)


def upgrade() -> None:
    for role in ROLES:  # of the whole server: another database of it may have them already
        # What a role is a member of counts for it only after SET ROLE.
        op.execute(f"DO $$BEGIN CREATE ROLE {role} NOINHERIT; EXCEPTION WHEN duplicate_object THEN NULL; END$$")
    for grant in GRANTS:
        op.execute(f"GRANT {grant}")
    op.execute("ALTER TABLE predictions ENABLE ROW LEVEL SECURITY")
    for policy in POLICIES:
        op.execute(f"CREATE POLICY {policy}")
