"""I07 no anti-tumour treatment, E02 previous treatment, E03 radiotherapy and allergy, E11 other trials, E13 vaccines, E14 surgery."""

from __future__ import annotations

from bot.trial.criteria.case import NOT_MENTIONED, Case, Decision, failed, first, passed, quoted, unknown
from bot.trial.facts import Finding


def _given(case: Case) -> list[Finding]:
    return [f for f in case.present("treatment") if f.text("for") != "other_illness"]


def _denials(case: Case) -> tuple[bool, list[Finding]]:
    """Whether every kind of treatment is denied (or the note says untreated), with the words."""
    untreated = case.present("untreated")
    if untreated:
        return True, untreated
    denied = [f for f in case.negated("treatment") if f.text("scope") != "recent"]
    kinds = {f.text("kind") for f in denied}
    if "chemoradiation" in kinds:
        kinds |= set()
    if any(f.text("scope") in {"ever", "tumour"} for f in case.present("surgery_none")):
        kinds.add("surgery")
    rows = [set(map(str, row)) for row in case.rules["treatment_denials"]]
    return all(row & kinds for row in rows), denied


def untreated(case: Case) -> Decision:
    """'Without any anti-tumor treatment' (of this cancer)."""
    barring_kinds = set(case.rules["treatments_barring_this"])
    own = [f for f in _given(case) if f.text("kind") in barring_kinds and f.text("for") in {"this", ""}]
    if own:
        return failed(f"Anti-tumour treatment: {quoted(own[0])}.", *first(own))
    unclear = [f for f in _given(case) if f.text("for") == "unclear" and f.text("kind") in barring_kinds]
    denied, evidence = _denials(case)
    if denied and (not unclear or case.present("untreated")):
        return passed(f"{quoted(evidence[0])}.", *first(evidence))
    if evidence or unclear:
        return unknown(
            "Treatment is denied in part only, or for which cancer it was is not said.", *first(evidence + unclear)
        )
    return unknown(NOT_MENTIONED)


def previous(case: Case) -> Decision:
    """'Previous treatment with pelvic radiotherapy, rectal cancer surgery, chemotherapy, targeted therapy, immune checkpoint inhibitors'."""
    any_kinds = set(case.rules["treatments_barring_any"])
    barring = []
    for treatment in _given(case):
        kind, cause = treatment.text("kind"), treatment.text("for")
        surgery_here = kind in {"surgery", "local_excision"} and cause in {"this", ""}
        pelvic = kind == "radiotherapy" and treatment.flag("pelvic")
        if kind in any_kinds or surgery_here or pelvic:
            barring.append(treatment)
    if barring:
        return failed(f"{quoted(barring[0])}.", *first(barring))
    denied, evidence = _denials(case)
    if denied and (case.present("untreated") or not case.uncertain("treatment")):
        return passed(f"{quoted(evidence[0])}.", *first(evidence))
    mentioned = evidence + case.all("treatment")
    return unknown(
        "Treatment is denied in part only, or is of a kind that does not decide." if mentioned else NOT_MENTIONED,
        *first(mentioned),
    )


def tolerance(case: Case) -> Decision:
    """'Proven inability to receive radiotherapy or allergy to the components of Penpulimab, capecitabine, oxaliplatin or their excipients'."""
    allergic = [f for f in case.present("allergy") if f.flag("study_drug")]
    barring = case.present("rt_impossible") + allergic
    denied = [f for f in case.present("no_allergy") if not f.flag("other")]
    if allergic and denied and not case.present("rt_impossible"):
        return unknown("An allergy to a study drug is both stated and denied.", *first(allergic + denied))
    if barring:
        return failed(f"{quoted(barring[0])}.", *first(barring))
    doubtful = case.uncertain("rt_impossible") + [f for f in case.uncertain("allergy") if f.flag("study_drug")]
    if doubtful:
        return unknown("An allergy or a contraindication is in doubt.", *first(doubtful))
    none = case.present("no_allergy", "tolerated_study_drug", "only_allergy")
    if none:
        return passed(f"{quoted(none[0])}.", *first(none))
    other = case.all("allergy")
    return unknown("Another allergy says nothing of the study drugs." if other else NOT_MENTIONED, *first(other))


def other_trial(case: Case) -> Decision:
    """'Patients who have participated in another drug clinical trial within 4 weeks'."""
    found = case.all("trial")
    now = [f for f in found if f.assertion == "present" and f.text("state") == "current" and f.get("drug") is not False]
    never = [f for f in found if f.assertion == "negated"]
    excused, barring, open_ = [], list(now), []
    for trial in found:
        if trial.assertion != "present" or (trial.text("state") == "current" and trial.get("drug") is not False):
            if trial.assertion == "uncertain":
                open_.append(trial)
            continue
        if trial.get("drug") is False or trial.text("state") == "screened":
            excused.append(trial)
            continue
        end = trial.ended if trial.ended.known else trial.when
        side = case.side("E11_trial", end)
        (barring if side == "inside" else excused if side == "outside" else open_).append(trial)
    if barring and never:
        return unknown("Another trial is both stated and denied.", *first(barring + never))
    if barring:
        return failed(f"In another drug trial now or within 4 weeks: {quoted(barring[0])}.", *first(barring))
    if open_:
        return unknown("When another trial ended is not said clearly enough.", *first(open_))
    if never or excused:
        return passed(f"{quoted((never + excused)[0])}.", *first(never + excused))
    return unknown(NOT_MENTIONED)


def vaccine(case: Case) -> Decision:
    """'Received live attenuated vaccine within 4 weeks prior to enrolment or planned during the study period'."""
    live = [f for f in case.all("vaccine") if f.get("live") is True]
    planned = [f for f in live if f.assertion == "planned"]
    given = [f for f in live if f.assertion == "present"]
    none = [f for f in case.negated("vaccine") if f.get("live") is not False]
    sides = {id(f): case.side("E13_vaccine", f.when) for f in given}
    recent = [f for f in given if sides[id(f)] == "inside"]
    if planned or recent:
        return failed(
            f"Live vaccine within 4 weeks or planned: {quoted((planned + recent)[0])}.", *first(planned + recent)
        )
    open_ = [f for f in given if sides[id(f)] in {"unclear", "undated"}] + [
        f for f in live if f.assertion == "uncertain"
    ]
    if open_:
        return unknown("When a live vaccine was given is not said clearly enough.", *first(open_))
    old = [f for f in given if sides[id(f)] == "outside"]
    unnamed = [
        f for f in case.present("vaccine") if f.get("live") is None and case.side("E13_vaccine", f.when) != "outside"
    ]
    if none and unnamed:
        return unknown("Whether the vaccine was live is not said.", *first(unnamed))
    if none or old:
        return passed(f"{quoted((none + old)[0])}.", *first(none + old))
    mentioned = case.all("vaccine")
    return unknown(
        "No live vaccine is named; other vaccines decide nothing." if mentioned else NOT_MENTIONED, *first(mentioned)
    )


def surgery(case: Case) -> Decision:
    """'Major surgical procedure within 4 weeks prior to enrolment'."""
    major = [f for f in case.present("surgery") if f.flag("major")]
    sides = {id(f): case.side("E14_surgery", f.when) for f in major}
    recent = [f for f in major if sides[id(f)] == "inside" and not (f.when.earliest and f.when.earliest > case.today)]
    hearsay = [f for f in case.present("surgery_none") if f.text("scope") == "ever" and f.flag("reported")]
    if recent and hearsay:
        return unknown("One report denies any operation, another gives a recent one.", *first(hearsay + recent))
    if recent:
        return failed(f"Major surgery within 4 weeks: {quoted(recent[0])}.", *first(recent))
    unclear = [f for f in major if sides[id(f)] == "unclear"]
    if unclear:
        return unknown("Whether the operation was within 4 weeks cannot be told.", *first(unclear))
    none = [f for f in case.present("surgery_none") if f.text("scope") in {"ever", "recent"}]
    old = [f for f in major if sides[id(f)] == "outside"]
    named = {f.text("name") for f in major if sides[id(f)] != "undated"}
    # The same operation named twice has the date that is given once.
    undated = [f for f in major if sides[id(f)] == "undated" and f.text("name") not in named]
    if none:
        return passed(f"{quoted(none[0])}.", *first(none))
    if old and not undated:
        return passed(f"Major surgery, but longer ago than 4 weeks: {quoted(old[0])}.", *first(old))
    if undated or old:
        return unknown("The date of an operation is not given.", *first(undated + old))
    mentioned = case.all("surgery", "surgery_none")
    return unknown(
        "No major surgery is dated; minor procedures decide nothing." if mentioned else NOT_MENTIONED, *first(mentioned)
    )
