"""What the surroundings say of each mention: denied, doubtful, planned, long past, or somebody else's.

Scope follows the list items that `sections` found. 'No A, B or C; D' denies A, B and C; a list item with a status,
date or verb of its own stands for itself ('no A, B since 2019'). A cue after its target ('HIV neg', 'stroke: no')
governs the item it stands in and bare items of the same kind before it.
"""

from __future__ import annotations

from bot.nlu.clinical.context.denial import affirm, deny, deny_before, is_answer
from bot.nlu.clinical.context.doubt import doubt
from bot.nlu.clinical.context.forms import (
    answer_fields,
    carry_on,
    deny_blocks,
    read_boxes,
    read_noughts,
    refute,
    set_aside,
)
from bot.nlu.clinical.context.people import give_to_kin, under_headers
from bot.nlu.clinical.context.plans import date_back, plan
from bot.nlu.clinical.context.view import View
from bot.nlu.clinical.note import Note

_ILLNESS = frozenset({"autoimmune", "cardiovascular", "organ_failure", "infection_hiv", "infection_serious"})
_SERVICES = frozenset(
    [
        "clinic",
        "unit",
        "nurse",
        "ward",
        "society",
        "group",
        "leaflet",
        "talk",
        "team",
        "charity",
        "association",
        "register",
        "foundation",
        "awareness",
    ]
)


def apply_context(note: Note) -> None:
    """Sets assertion, experiencer and history of every mention."""
    view = View(note)
    for segment in view.segments():
        for cue in view.cues[segment.index]:
            if cue.group == "kin" or cue.group == "kin_section":
                give_to_kin(view, segment, cue)
            elif cue.group == "history":
                date_back(view, segment, cue)
    under_headers(view)
    for segment in view.segments():
        for cue in view.cues[segment.index]:
            if cue.group == "plan":
                plan(view, segment, cue)
    for segment in view.segments():
        for cue in view.cues[segment.index]:
            if cue.group == "negation":
                deny(view, segment, cue)
            elif cue.group == "answer" and is_answer(view, segment, cue):
                deny_before(view, segment, cue, "negated")
            elif cue.group == "affirmation":
                affirm(view, segment, cue)
    for segment in view.segments():
        for cue in view.cues[segment.index]:
            if cue.group == "uncertain":
                doubt(view, segment, cue)
    deny_blocks(view)
    answer_fields(view)
    read_noughts(view)
    carry_on(view)
    read_boxes(view)
    refute(view)
    set_aside(view)
    for mention in note.mentions:
        if (
            mention.group in _ILLNESS
            and note.norms[mention.end : mention.end + 1]
            and note.norms[mention.end] in _SERVICES
        ):
            # 'Lupus clinic', 'dialysis unit', 'MS society': a place or a group, nothing that the patient has.
            mention.experiencer = "other"
        # What is only supposed, or another's, is not the patient's past.
        if mention.assertion == "hypothetical" or mention.experiencer in {"family", "other"}:
            mention.historical = False


__all__ = ["apply_context"]
