"""I10 organ function, E05 other cancers, E06 autoimmune, E07 cardiovascular, E08 transplants, E09 infection, E12 hepatitis, E15 lungs."""

from __future__ import annotations

from bot.trial.criteria.case import NOT_MENTIONED, Case, Decision, failed, first, passed, quoted, unknown
from bot.trial.facts import Finding, Period


def organs(case: Case) -> Decision:
    """'Adequate organ and bone marrow function': the record names no numbers, so a statement decides."""
    poor = [f for f in case.present("organ_function") if f.text("state") == "inadequate"] + case.present(
        "organ_failure"
    )
    good = [f for f in case.present("organ_function") if f.text("state") == "adequate"]
    scopes = {f.text("scope") for f in good}
    whole = [f for f in good if f.text("scope") == "all"]
    if poor and whole:
        return (
            unknown("Organ function is called adequate and inadequate.", *first(poor + whole))
            if not case.present("organ_failure")
            else failed(f"{quoted(poor[0])}.", *first(poor))
        )
    if poor:
        return failed(f"{quoted(poor[0])}.", *first(poor))
    if case.uncertain("organ_failure"):
        return unknown("Organ failure is in doubt.", *first(case.uncertain("organ_failure")))
    if whole and not case.uncertain("organ_function"):
        return passed(f"{quoted(whole[0])}.", *first(whole))
    if {"blood_count", "organs"} <= scopes:
        return passed("Marrow and organs are each said to be adequate.", *first(good))
    if {"blood_count", "liver", "kidney"} <= scopes:
        return passed("Blood count, liver and kidney are each said to be normal.", *first(good))
    mentioned = good or case.all("organ_function", "laboratory")
    return unknown(
        "Adequate function as a whole is not stated; single organs or numbers alone decide nothing."
        if mentioned
        else NOT_MENTIONED,
        *first(mentioned),
    )


def _cancer_side(case: Case, cancer: Finding) -> str:
    """`bars`, `excused` or `open` for one other cancer."""
    state, kind = cancer.text("state"), cancer.text("kind")
    if kind in {"skin", "in_situ"}:
        if state in {"active", "planned"}:
            return "bars"
        return "excused" if state in {"treated", "remission"} else "open"
    if state == "active":
        return "bars"
    start = case.window_start("E05_remission")
    since = cancer.ended
    if state == "remission":
        if not since.known:
            if cancer.when.latest is not None and cancer.when.latest <= start:
                return "excused"
            return "bars" if cancer.when.earliest is not None and cancer.when.earliest > start else "open"
        if since.latest is not None and since.latest <= start:
            return "excused"
        return "bars" if since.earliest is not None and since.earliest > start else "open"
    if cancer.when.earliest is not None and cancer.when.earliest > start:
        return "bars"
    return "open"


def malignancy(case: Case) -> Decision:
    """'History of other primary malignancies, except ... complete remission for at least 2 years ...; non-melanoma skin cancer ...'."""
    found = [f for f in case.all("other_malignancy") if not f.flag("general")]
    sides: dict[str, list[Finding]] = {"bars": [], "excused": [], "open": []}
    for cancer in found:
        if cancer.assertion == "present":
            sides[_cancer_side(case, cancer)].append(cancer)
        elif cancer.assertion == "uncertain":
            sides["open"].append(cancer)
    if sides["bars"]:
        return failed(
            f"Another cancer that is active, untreated or in remission for less than 2 years: {quoted(sides['bars'][0])}.",
            *first(sides["bars"]),
        )
    if sides["open"]:
        return unknown("The state or date of another cancer is not said.", *first(sides["open"]))
    none = [f for f in case.negated("other_malignancy") if f.flag("general")]
    if sides["excused"] or none:
        return passed(f"{quoted((sides['excused'] + none)[0])}.", *first(sides["excused"] + none))
    return unknown(NOT_MENTIONED, *first(case.all("other_malignancy")))


def _autoimmune_side(case: Case, illness: Finding) -> str:
    """`bars`, `excused` or `open` for one autoimmune disease."""
    exception, therapy = illness.text("exception"), illness.text("treatment")
    if exception == "diabetes":
        return "excused" if therapy == "insulin" else "open"
    if exception == "hypothyroid":
        return "excused" if therapy == "thyroid" else "open"
    if exception in {"skin", "graves"}:
        if therapy == "systemic":
            return "bars"
        if therapy == "stopped":
            side = case.side("E06_autoimmune", illness.ended)
            return {"outside": "excused", "inside": "bars"}.get(side, "open")
        if therapy in {"none", "topical"} or (exception == "graves" and therapy == "thyroid"):
            return "excused"
        return "open"
    if therapy == "systemic":
        return "bars"
    if illness.flag("over") or illness.ended.known:
        side = case.side("E06_autoimmune", illness.ended if illness.ended.known else illness.when)
        if side == "undated" and not illness.flag("past"):
            return "open" if illness.flag("limited") else "bars"
        return {"outside": "excused", "inside": "bars"}.get(side, "open")
    if illness.flag("limited"):
        side = case.side("E06_autoimmune", illness.when)
        if side == "inside":
            return "bars"
        return "open" if illness.when.known or illness.temporality == "historical" else "bars"
    if illness.temporality == "historical" and illness.flag("past"):
        return "open"
    return "bars"


def autoimmune(case: Case) -> Decision:
    """'Active, known or suspected autoimmune disease or history of this disease within the previous 2 years (... may be enrolled)'."""
    found = [f for f in case.all("autoimmune_disease") if not f.flag("general")]
    sides: dict[str, list[Finding]] = {"bars": [], "excused": [], "open": []}
    for illness in found:
        if illness.assertion == "present":
            sides[_autoimmune_side(case, illness)].append(illness)
        elif illness.assertion == "uncertain":
            sides["bars"].append(illness)
    general = [f for f in case.all("autoimmune_disease") if f.flag("general")]
    sides["bars"] += [f for f in general if f.assertion in {"present", "uncertain"}]
    if sides["bars"]:
        return failed(
            f"Active, recent or suspected autoimmune disease: {quoted(sides['bars'][0])}.", *first(sides["bars"])
        )
    if sides["open"]:
        return unknown(
            "An autoimmune disease of the exceptions, without word of its treatment or its end.", *first(sides["open"])
        )
    none = [f for f in general if f.assertion == "negated"]
    if sides["excused"] or none:
        return passed(f"{quoted((sides['excused'] + none)[0])}.", *first(sides["excused"] + none))
    return unknown(NOT_MENTIONED, *first(case.all("autoimmune_disease")))


def _heart_side(case: Case, event: Finding) -> str:
    """`bars`, `excused`, `open` or `nothing` for one cardiovascular condition."""
    concept = event.concept
    if event.assertion == "uncertain":
        return "open"
    if event.assertion != "present":
        return "nothing"
    if concept == "heart_failure":
        grade = event.number("nyha")
        if grade is None:
            return "open"
        return (
            "bars"
            if (event.number("nyha_high") or grade) >= case.rules["nyha_barring"]
            and grade >= case.rules["nyha_barring"]
            else "excused"
            if (event.number("nyha_high") or grade) < case.rules["nyha_barring"]
            else "open"
        )
    if concept == "angina":
        return "open"
    if concept not in case.rules["cardiovascular_events"]:
        return "nothing"
    if concept == "pulmonary_embolism":
        if event.flag("incidental"):
            return "excused"
        if case.side("E07_cardiovascular", event.when) == "inside" and not event.flag("symptomatic"):
            return "open"
    if concept == "severe_arrhythmia":
        if event.flag("on_drug"):
            return "bars"
        side = case.side("E07_cardiovascular", event.when)
        return "excused" if side == "outside" else "open"
    side = case.side("E07_cardiovascular", event.when)
    return {"inside": "bars", "outside": "excused"}.get(side, "open")


def cardiovascular(case: Case) -> Decision:
    """'Any of the following within 6 months prior to the start of treatment: myocardial infarction, ...'."""
    concepts = [*case.rules["cardiovascular_events"], "heart_failure", "angina"]
    sides: dict[str, list[Finding]] = {"bars": [], "excused": [], "open": [], "nothing": []}
    for event in case.all(*concepts):
        sides[_heart_side(case, event)].append(event)
    if sides["bars"]:
        return failed(f"Within 6 months, or present: {quoted(sides['bars'][0])}.", *first(sides["bars"]))
    if sides["open"]:
        return unknown("A cardiovascular condition whose date, class or symptoms are not said.", *first(sides["open"]))
    denied = case.negated("cardiovascular_general")
    covers = {f.text("covers") for f in denied}
    if case.negated("stroke", "tia"):
        covers.add("vessels")
    complete = "both" in covers or {"heart", "vessels"} <= covers
    groups = [set(map(str, row)) for row in case.rules["cardiovascular_denials"]]
    names = {f.concept for f in case.negated(*concepts, "arrhythmia")}
    if sides["excused"]:
        return passed(f"{quoted(sides['excused'][0])} is outside the window or excepted.", *first(sides["excused"]))
    if complete and not case.present("cardiovascular_general"):
        return passed(
            f"No cardiovascular history: {quoted((denied or case.negated('stroke', 'tia'))[0])}.", *first(denied)
        )
    if all(group & names for group in groups):
        return passed("Every listed event is denied.", *first(case.negated(*concepts)))
    mentioned = denied + case.negated(*concepts)
    return unknown("Not all listed conditions are excluded." if mentioned else NOT_MENTIONED, *first(mentioned))


def transplant(case: Case) -> Decision:
    """'History of allogeneic organ transplantation and allogeneic haematopoietic stem cell transplantation'."""
    present = case.present("transplant")
    barring = [f for f in present if f.text("kind") in {"organ", "allogeneic"}]
    if barring and any(f.text("kind") == "any" for f in case.negated("transplant")):
        return unknown("A transplant is both stated and denied.", *first(barring + case.negated("transplant")))
    if barring:
        return failed(f"{quoted(barring[0])}.", *first(barring))
    open_ = [f for f in present if f.text("kind") == "stem_cell"] + [
        f for f in case.uncertain("transplant") if f.text("kind") != "autologous"
    ]
    own = [f for f in present if f.text("kind") == "autologous"]
    if open_:
        return unknown("Whose stem cells they were is not said, or the transplant is in doubt.", *first(open_))
    none = [f for f in case.negated("transplant") if f.text("kind") == "any"]
    kinds = {f.text("kind") for f in case.negated("transplant")}
    if none or own or ("organ" in kinds and kinds & {"stem_cell", "allogeneic"}):
        return passed(
            f"{quoted((none + own + case.negated('transplant'))[0])}.", *first(none + own or case.negated("transplant"))
        )
    return unknown(NOT_MENTIONED, *first(case.all("transplant")))


def infection(case: Case) -> Decision:
    """'Uncontrolled comorbidities including ... HIV infected; Serious infections that are active or poorly controlled clinically'."""
    serious = [f for f in case.present("infection") if f.flag("serious")]
    barring = case.present("hiv") + serious + case.present("uncontrolled")
    if barring:
        return failed(f"{quoted(barring[0])}.", *first(barring))
    doubtful = (
        case.uncertain("hiv")
        + [f for f in case.uncertain("infection") if f.flag("serious")]
        + case.uncertain("uncontrolled")
    )
    if doubtful:
        return unknown("HIV, a serious infection or an uncontrolled illness is in doubt.", *first(doubtful))
    whole = case.negated("uncontrolled_general")
    if whole:
        return passed(f"{quoted(whole[0])}.", *first(whole))
    hiv, none = case.negated("hiv"), [f for f in case.negated("infection") if f.flag("general")]
    if hiv and none:
        return passed("HIV negative and no active infection.", *first(hiv + none))
    mentioned = hiv + none + case.all("infection")
    return unknown(
        "HIV and serious infection are not both excluded." if mentioned else NOT_MENTIONED, *first(mentioned)
    )


def _dna_side(case: Case, load: Finding) -> str:
    """`at_or_over`, `under` or `open`: a measured HBV DNA against 200 IU/mL or 1,000 copies/mL, whichever unit it has."""
    if load.assertion == "negated" or load.flag("undetectable"):
        return "under"
    if load.assertion != "present":
        return "open"
    iu, copies = load.number("iu_ml"), load.number("copies_ml")
    limits = {"iu": case.threshold("hbv_dna_iu_ml"), "copies": case.threshold("hbv_dna_copies_ml")}
    plain = load.number("number")
    under = load.flag("below")
    if iu is not None:
        return "under" if iu < limits["iu"] or (under and iu <= limits["iu"]) else "open" if under else "at_or_over"
    if copies is not None:
        return (
            "under"
            if copies < limits["copies"] or (under and copies <= limits["copies"])
            else "open"
            if under
            else "at_or_over"
        )
    if plain is not None:
        return (
            "under"
            if plain < min(limits.values())
            else "at_or_over"
            if plain >= max(limits.values()) and not under
            else "open"
        )
    return "open"


_READING = "The record's 'HBV DNA ≥ 200 IU/mL or ≥ 103 copies/mL' is read as 10^3 (a lost superscript)."


def _latest(findings: list[Finding]) -> list[Finding]:
    """Of dated values the latest; all of them where one is undated."""
    if len(findings) > 1 and all(f.when.latest for f in findings):
        newest = max(f.when.latest for f in findings if f.when.latest)
        return [f for f in findings if f.when.latest == newest]
    return findings


def _hepatitis_b(case: Case) -> Decision:
    measured = [f for f in case.all("hbv_dna") if f.values]
    loads = _latest(measured or case.all("hbv_dna"))
    sides = {_dna_side(case, f) for f in loads}
    antigen = _latest(case.all("hbsag"))
    positive = [f for f in antigen if f.assertion == "present"]
    negative = [f for f in antigen if f.assertion == "negated"]
    active = [f for f in case.present("hepatitis_b") if f.flag("active")]
    denied = case.negated("hepatitis_b")
    if active:
        return failed(f"Active hepatitis B: {quoted(active[0])}.", *first(active))
    if sides == {"at_or_over"}:
        if negative and not positive:
            return unknown("HBsAg is negative but HBV DNA is at or over the limit.", *first(loads + negative))
        return failed(f"HBV DNA at or over the limit: {quoted(loads[0])}. {_READING}", *first(loads + positive))
    if len(sides) > 1 or (positive and negative):
        return unknown("The hepatitis B results contradict each other.", *first(loads + antigen))
    if sides == {"under"}:
        return passed(f"HBV DNA under the limit: {quoted(loads[0])}. {_READING}", *first(loads))
    if negative:
        return passed(f"HBsAg negative: {quoted(negative[0])}.", *first(negative))
    if positive or case.present("hepatitis_b") or loads or case.uncertain("hbsag", "hepatitis_b"):
        return unknown(
            "Hepatitis B without a viral load, or in doubt.", *first(positive + case.present("hepatitis_b") + loads)
        )
    if denied:
        return passed(f"{quoted(denied[0])}.", *first(denied))
    return unknown("Hepatitis B is not mentioned.")


def _hepatitis_c(case: Case) -> Decision:
    rna = _latest(case.all("hcv_rna"))
    positive = [f for f in rna if f.assertion == "present"]
    negative = [f for f in rna if f.assertion == "negated"]
    active = [f for f in case.present("hepatitis_c") if f.flag("active")]
    cured = case.present("hepatitis_c_cured")
    antibody = case.all("anti_hcv")
    if positive and negative:
        return unknown("The HCV RNA results contradict each other.", *first(rna))
    if positive or active:
        return failed(f"{quoted((positive + active)[0])}.", *first(positive + active))
    if negative or cured:
        return passed(f"{quoted((negative + cured)[0])}.", *first(negative + cured))
    if rna:
        return unknown("HCV RNA is in doubt.", *first(rna))
    if (
        any(f.assertion == "present" for f in antibody)
        or case.present("hepatitis_c")
        or case.uncertain("hepatitis_c", "anti_hcv")
    ):
        return unknown("Hepatitis C without HCV RNA, or in doubt.", *first(antibody + case.present("hepatitis_c")))
    denied = [f for f in antibody if f.assertion == "negated"] + case.negated("hepatitis_c")
    if denied:
        return passed(f"{quoted(denied[0])}.", *first(denied))
    return unknown("Hepatitis C is not mentioned.")


def hepatitis(case: Case) -> Decision:
    """'Suffering from acute or chronic active hepatitis B (...) or acute or chronic active hepatitis C (...)'."""
    parts = (_hepatitis_b(case), _hepatitis_c(case))
    evidence = tuple(f for part in parts for f in part.findings)
    for result in ("fail", "unknown"):
        found = [part for part in parts if part.result == result]
        if found:
            why = " ".join(part.why for part in found) if evidence else NOT_MENTIONED
            return Decision(found[0].result, why, tuple(f for part in found for f in part.findings) or evidence)
    return Decision("pass", " ".join(part.why for part in parts), evidence)


def lungs(case: Case) -> Decision:
    """'History of interstitial pneumonia'."""
    present = case.present("interstitial_lung")
    denied = case.negated("interstitial_lung", "lung_general")
    if present and case.negated("interstitial_lung"):
        return unknown("Interstitial lung disease is both stated and denied.", *first(present + denied))
    if present:
        return failed(f"{quoted(present[0])}.", *first(present))
    if case.uncertain("interstitial_lung"):
        return unknown("Interstitial lung disease is in doubt.", *first(case.uncertain("interstitial_lung")))
    if denied:
        return passed(f"{quoted(denied[0])}.", *first(denied))
    return unknown(NOT_MENTIONED)


__all__ = [
    "Period",
    "autoimmune",
    "cardiovascular",
    "hepatitis",
    "infection",
    "lungs",
    "malignancy",
    "organs",
    "transplant",
]
