"""Is a chat message a clinical note, or a question like any other?

A coordinator pastes '58M, ECOG 1, cT3N1M0'; a patient asks 'what is MSS' or 'can I join after a heart attack'. The
findings tell them apart: a note gives values that only a clinician writes, a question asks for them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.trial.facts import Finding

#: Findings that stand in notes and hardly ever in a layman's question.
_OF_NOTES = frozenset(
    {
        "performance_status", "t_category", "n_category", "m_category", "stage", "tumour_height", "microsatellite",
        "mismatch_repair", "histology", "hbv_dna", "hbsag", "anti_hcv", "hcv_rna", "laboratory", "birth_date",
        "organ_function", "rectal_third", "postmenopausal", "untreated", "lesion", "investigator", "emergency_surgery",
        "elective_surgery",
    }
)  # fmt: skip
_WHO = frozenset({"age", "sex"})
#: So many different findings make a note even of a text that asks something too ('can she go in? 77 yo, ECOG 0').
_MANY = 3
_SHORT_WORDS = 14
_ASKS = re.compile(
    r"\?\s*$|^\W*(?:(?:by\s+the\s+way|and|so|ok|hi|hello|please|sorry)\W+)*(?:what|who|whom|whose|how|when|where|which|why|"
    r"is|are|am|do|does|did|can|could|may|might|should|would|will|tell|explain|show|list)\b",
    re.IGNORECASE,
)
_OF_ONESELF = re.compile(r"\b(?:i|i'm|im|i've|ive|my|me|mine)\b", re.IGNORECASE)
_ORDERS_CHECK = re.compile(r"^\W*(?:pre-?\s?check|pre-?\s?screen\w*|eligibility(?:\s+check)?|screen(?:ing)?)\s*[:\-–]", re.IGNORECASE)


def looks_like_note(text: str, findings: Sequence[Finding]) -> bool:
    """Whether a message is a clinical note, or a piece of one ('MSI-H on PCR').

    Args:
        findings: what `ClinicalReader.read` found in it.
    """
    concepts = {finding.concept for finding in findings}
    of_notes = concepts & _OF_NOTES
    if _ORDERS_CHECK.match(text) and concepts:
        return True
    if _OF_ONESELF.search(text) and len(of_notes) < _MANY:
        return False
    if _ASKS.search(text):
        return len(of_notes) >= _MANY or (bool(of_notes) and concepts >= _WHO)
    if of_notes or concepts >= _WHO:
        return True
    return len(concepts) >= _MANY or (len(concepts) == 2 and len(text.split()) <= _SHORT_WORDS)
