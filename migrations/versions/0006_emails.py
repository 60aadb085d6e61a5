"""emails in the one form by which they are looked up"""

from alembic import op
from sqlalchemy import text

from rottenbot.logs import logger

revision = "0006"
down_revision = "0005"

NOT_PLAIN = "SELECT uid, email FROM user_accounts WHERE email ~ '[^a-z0-9.@_+-]' ORDER BY created_at, uid"
REPLACE = """UPDATE user_accounts SET email = :email
    WHERE uid = :uid AND NOT EXISTS (SELECT FROM user_accounts WHERE email = :email) RETURNING uid"""


def upgrade() -> None:
    # The rule as the code has it that runs this and will look the rows up, not as it once was: a copy would leave rows
    # that nobody finds. Who changes the rule adds a migration that does this again.
    from functions.auth.emails import lookup_key

    connection = op.get_bind()
    for uid, email in connection.execute(text(NOT_PLAIN)).all():
        normal = lookup_key(email)
        if normal != email and not connection.execute(text(REPLACE), {"uid": uid, "email": normal}).all():
            logger.warning("the email of an account is another spelling of another account's", uid=str(uid))


def downgrade() -> None:
    """Nothing: older code finds these rows by their usual spelling."""
