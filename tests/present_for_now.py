from typing import Any
from sqlalchemy.orm import Session
from database import cases
def present(session: Session, case_id: str) -> dict[str, Any]:
    row = cases.get(session, case_id)
    return {"id": row.id, "stage": row.stage, "version": row.version}
