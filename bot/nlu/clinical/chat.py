"""Is a chat message a pasted note, or shorthand about a patient, rather than a question or a symptom report?"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.trial.facts import Finding

_STRONG = frozenset(
    [
        "performance_status",
        "t_category",
        "n_category",
        "m_category",
        "microsatellite",
        "mismatch_repair",
        "tumour_height",
        "rectal_third",
        "histology",
        "hbsag",
        "hbv_dna",
        "anti_hcv",
        "hcv_rna",
        "hcv",
        "organ_function",
        "untreated",
        "consent",
        "birth_date",
    ]
)
_WEAK = frozenset(
    [
        "tumour_site",
        "metastasis",
        "lesion",
        "course",
        "obstruction",
        "treatment",
        "contraception",
        "postmenopausal",
        "vasectomy",
        "sterilised",
        "hysterectomy",
        "pregnancy",
        "lactation",
        "vaccine",
        "trial",
        "surgery",
        "surgery_none",
        "emergency_surgery",
        "organ_failure",
        "no_allergy",
        "only_allergy",
        "allergy",
        "other_malignancy",
        "autoimmune_disease",
        "myocardial_infarction",
        "unstable_angina",
        "bypass",
        "stroke",
        "tia",
        "pulmonary_embolism",
        "heart_failure",
        "severe_arrhythmia",
        "cardiovascular_general",
        "transplant",
        "hiv",
        "infection",
        "uncontrolled",
        "uncontrolled_general",
        "hepatitis_b",
        "hepatitis_c",
        "interstitial_lung",
        "lung_general",
        "investigator",
        "laboratory",
        "stage",
        "age",
        "sex",
    ]
)
_QUESTION = re.compile(
    r"^\W*(?:hi|hello|hey|please|pls|ok|okay|thanks|and|so|also|but|quick question|question)?\W*(?:what|when|where|who|whose|which|why|how|can|could|may|might|is|are|am|was|were|does|do|did|has|have|should|shall|will|would|tell me|explain|"
    r"define|describe|list|show|give me|i want to know|i would like to know|do you)\b",
    re.IGNORECASE,
)
_PATIENT = re.compile(
    r"(?<!\w)(?:i am|i'm|im|i've|i have|i had|i was|i feel|i get|i got|i take|i took|my (?!patient|colleague|clinic|list|next patient|registrar|opinion|impression)|mine|me|myself|i (?:can|could|should|need|want|think|forgot|missed))(?!\w)",
    re.IGNORECASE,
)
_STAFF = re.compile(
    r"(?<!\w)(?:patient|pt|i (?:saw|have (?:a|this) (?:patient|man|woman|lady|gentleman)|refer|examined|reviewed)|screening|referred|mdt|pre-?check|biops|dear (?:dr|colleague|prof))",
    re.IGNORECASE,
)


def looks_like_note(text: str, findings: Sequence[Finding]) -> bool:
    """Whether findings are stated of a patient: enough of them, and more where the message asks something."""
    stated = [f for f in findings if f.assertion in {"present", "negated"} and f.experiencer in {"patient", "partner"}]
    strong = {
        f.concept
        for f in stated
        if f.concept in _STRONG and not (f.concept == "consent" and f.text("status") == "pending")
    }
    weak = {f.concept for f in stated if f.concept in _WEAK}
    who = {"age", "sex"} <= weak and any(
        f.concept == "sex" and f.evidence.text.lower() not in {"he", "she", "his", "her", "him"} for f in stated
    )
    score = 2 * len(strong) + len(weak) + (2 if who else 0)
    if "stage" in weak and any(
        f.concept == "stage"
        and re.search(r"[ivIV]", f.text("value"))
        and re.search(r"[iIvV]{1,3}|[abcABC]$", f.evidence.text.split()[-1])
        for f in stated
    ):
        score += 1
    patient = _PATIENT.search(text) is not None and _STAFF.search(text) is None
    if patient:
        return len(strong) >= 3 and score >= 8
    if _QUESTION.match(text) or text.rstrip().endswith(("?", "\uff1f")):
        return score >= 5 and (len(strong) >= 2 or who)
    return score >= 2
