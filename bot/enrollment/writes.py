"""What may be written, one function a deed; each needs a session of `Database.writing`, which says who and why."""

from __future__ import annotations

from bot.enrollment.writes_clinical import (
    hold_dose,
    record_adverse_event,
    record_dose,
    withdraw_consent,
)
from bot.enrollment.writes_desk import (
    acknowledge_ticket,
    create_ticket,
    decide_screening,
    link_participant,
    link_staff,
    log_read,
    open_ticket,
    save_screening,
    unlink,
)
from bot.enrollment.writes_record import (
    enrol,
    find,
    give_consent,
    record_outcome,
    record_visit,
    remove_visit,
    replan,
    set_last_capecitabine,
    set_prescribed_dose,
    set_status,
    site_id,
)

__all__ = [
    "acknowledge_ticket",
    "create_ticket",
    "decide_screening",
    "enrol",
    "find",
    "give_consent",
    "hold_dose",
    "link_participant",
    "link_staff",
    "log_read",
    "open_ticket",
    "record_adverse_event",
    "record_dose",
    "record_outcome",
    "record_visit",
    "remove_visit",
    "replan",
    "save_screening",
    "set_last_capecitabine",
    "set_prescribed_dose",
    "set_status",
    "site_id",
    "unlink",
    "withdraw_consent",
]
