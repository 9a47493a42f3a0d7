"""What an order, a customer and a line of a return say more about themselves, for the rules that ask."""

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
