"""Credit notes, and the last number given out for each seller and year."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

RULES = """
-- A note that is wrong is set right by a further one: what was made stays as it was sent.
CREATE FUNCTION credit_notes_are_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'credit notes are append-only: correct one by a further note' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER credit_notes_kept BEFORE UPDATE OR DELETE ON credit_notes
    FOR EACH ROW EXECUTE FUNCTION credit_notes_are_kept();
CREATE TRIGGER credit_notes_no_truncate BEFORE TRUNCATE ON credit_notes
    FOR EACH STATEMENT EXECUTE FUNCTION credit_notes_are_kept();

-- A series begins with one, goes on by one, and is never taken away.
CREATE FUNCTION credit_note_series_has_no_gap() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.last = 1 THEN
            RETURN NEW;
        END IF;
    ELSIF TG_OP = 'UPDATE' THEN
        IF (NEW.seller, NEW.year, NEW.last) = (OLD.seller, OLD.year, OLD.last + 1) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'a series of credit notes goes on by one' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER credit_note_series_no_gap BEFORE INSERT OR UPDATE OR DELETE ON credit_note_series
    FOR EACH ROW EXECUTE FUNCTION credit_note_series_has_no_gap();
CREATE TRIGGER credit_note_series_no_truncate BEFORE TRUNCATE ON credit_note_series
    FOR EACH STATEMENT EXECUTE FUNCTION credit_note_series_has_no_gap();

-- A number is the last of its series and of the same transaction: it cannot be written down without having been taken.
CREATE FUNCTION credit_note_takes_its_number() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM credit_note_series
        WHERE seller = NEW.seller AND year = NEW.year AND last = NEW.sequence AND xmin = pg_current_xact_id()::xid
    ) THEN
        RAISE EXCEPTION 'credit note % has a number that was not taken for it', NEW.number USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER credit_notes_take_their_number BEFORE INSERT ON credit_notes
    FOR EACH ROW EXECUTE FUNCTION credit_note_takes_its_number();

-- Checked at commit: a number that was taken stands on a note.
CREATE FUNCTION credit_note_number_is_used() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM credit_notes WHERE seller = NEW.seller AND year = NEW.year AND sequence = NEW.last
    ) THEN
        RAISE EXCEPTION 'number % of % in % stands on no credit note', NEW.last, NEW.seller, NEW.year
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER credit_note_numbers_are_used AFTER INSERT OR UPDATE ON credit_note_series
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION credit_note_number_is_used();
"""
FUNCTIONS = (
    "credit_notes_are_kept",
    "credit_note_series_has_no_gap",
    "credit_note_takes_its_number",
    "credit_note_number_is_used",
)


def upgrade() -> None:
    op.create_table(
        "credit_note_series",
        sa.Column("seller", sa.String(length=80), nullable=False),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.CheckConstraint("last > 0", name=op.f("ck_credit_note_series_last_positive")),
        sa.PrimaryKeyConstraint("seller", "year", name=op.f("pk_credit_note_series")),
    )
    op.create_table(
        "credit_notes",
        sa.Column("number", sa.String(length=80), nullable=False),
        sa.Column("seller", sa.String(length=80), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.String(length=80), nullable=False),
        sa.Column("settlement", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("gross_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.Column("content", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("sequence > 0", name=op.f("ck_credit_notes_sequence_positive")),
        sa.CheckConstraint(
            "gross_minor > 0 AND net_minor + tax_minor = gross_minor", name=op.f("ck_credit_notes_adds_up")
        ),
        sa.CheckConstraint(
            "refunded_minor >= 0 AND refunded_minor <= gross_minor", name=op.f("ck_credit_notes_refunded_within_gross")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_credit_notes_case_id")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_credit_notes")),
        sa.UniqueConstraint("case_id", "settlement", "seller", name=op.f("uq_credit_notes_case_id_settlement_seller")),
        sa.UniqueConstraint("seller", "year", "sequence", name=op.f("uq_credit_notes_seller_year_sequence")),
    )
    op.execute(RULES)


def downgrade() -> None:
    op.drop_table("credit_notes")
    op.drop_table("credit_note_series")
    for function in FUNCTIONS:
        op.execute(f"DROP FUNCTION {function}()")
