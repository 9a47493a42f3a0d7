"""What every table shares: the metadata, named constraints, and the few column types of the house."""

from sqlalchemy import BigInteger, DateTime, MetaData, String
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Id = String(80)
Word = String(80)  # a code of ours: a stage, a reason, a status, an account
Minor = BigInteger  # money in minor units; the currency stands beside it
Currency = String(3)
Moment = DateTime(timezone=True)
Json = JSONB(none_as_null=True)
