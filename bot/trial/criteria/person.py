"""I01 consent, I02 age, I03 performance status, I11 contraception, E10 pregnancy and lactation, E16 judgement."""

from __future__ import annotations

from bot.trial.criteria.case import NOT_MENTIONED, Case, Decision, failed, first, passed, quoted, unknown


def consent(case: Case) -> Decision:
    """'Informed consent': signed for this study passes, refused bars."""
    statements = [f for f in case.all("consent") if f.text("to") != "other"]
    given = [f for f in statements if f.text("status") == "given" and f.assertion == "present"]
    declined = [f for f in statements if f.text("status") == "declined" and f.assertion == "present"]
    if given and declined:
        return unknown("Consent is said to be given and refused.", *first(given + declined))
    if declined:
        return failed(f"Consent refused or withdrawn: {quoted(declined[0])}.", *first(declined))
    if given:
        return passed(f"Consent given: {quoted(given[0])}.", *first(given))
    if statements:
        return unknown("Consent is mentioned but not said to be given to this study.", *first(statements))
    if case.all("consent"):
        return unknown("The consent that is mentioned is for something else.", *first(case.all("consent")))
    return unknown(NOT_MENTIONED)


def age(case: Case) -> Decision:
    """'18 years < age <= 75 years'; the structured field admits 18 ('Minimum Eligible Age 18 Years')."""
    evidence = first(case.present("age", "birth_date"))
    if case.age is None:
        return unknown(NOT_MENTIONED)
    low, high = case.age
    lowest, highest = case.threshold("age_lowest"), case.threshold("age_highest")
    contradictory = case.threshold("age_contradictory")
    if low >= lowest and high <= highest:
        return passed(f"Age {_span(low, high)} is within 19 to 75.", *evidence)
    if low > highest:
        return failed(f"Age {_span(low, high)} is above 75.", *evidence)
    if high < contradictory:
        return failed(f"Age {_span(low, high)} is under 18.", *evidence)
    if low == high == contradictory:
        return unknown(
            "Exactly 18: the criterion says '18 years < age ≤ 75 years', the structured field says "
            "'Minimum Eligible Age 18 Years'; the investigator decides.",
            *evidence,
        )
    return unknown(f"Age {_span(low, high)} lies across a limit (over 18, up to 75).", *evidence)


def _span(low: int, high: int) -> str:
    return str(low) if low == high else f"{low} to {high}"


def performance(case: Case) -> Decision:
    """'ECOG score is 0-1' (WHO is the same scale; Karnofsky 70-100 corresponds)."""
    sides: set[str] = set()
    scores = case.all("performance_status")
    for score in scores:
        low, high = score.number("low"), score.number("high")
        if score.assertion != "present" or low is None or high is None:
            sides.add("unclear")
        elif score.text("scale") == "KPS":
            limit = case.threshold("karnofsky_lowest")
            sides.add("pass" if low >= limit else "fail" if high <= limit - 10 else "unclear")
        else:
            limit = case.threshold("ecog_highest")
            sides.add("pass" if high <= limit else "fail" if low > limit else "unclear")
    if not scores:
        return unknown(NOT_MENTIONED)
    if sides == {"pass"}:
        return passed(f"{quoted(scores[0])} is within ECOG 0-1 (Karnofsky 70 or more).", *first(scores))
    if sides == {"fail"}:
        return failed(f"{quoted(scores[0])} is worse than ECOG 1.", *first(scores))
    return unknown("The performance status is doubtful, contradictory or a range across the limit.", *first(scores))


def contraception(case: Case) -> Decision:
    """'Female participants of childbearing age or male participants whose sexual partners are ... use effective contraception'."""
    statements = case.all("contraception")
    refused = [f for f in statements if f.text("status") == "refuses" and f.assertion == "present"]
    agreed = [f for f in statements if f.text("status") in {"uses", "agrees"} and f.assertion == "present"]
    if refused and agreed:
        return unknown("Contraception is said to be used and refused.", *first(refused + agreed))
    if refused:
        return failed(f"Contraception refused: {quoted(refused[0])}.", *first(refused))
    # Who the words are about follows from the sex: a man's 'menopause' is his partner's, a woman's 'vasectomy' too.
    own = case.present("vasectomy", "postmenopausal", "sterilised", "hysterectomy")
    partner = case.present("postmenopausal", "sterilised", "hysterectomy", "vasectomy", of="partner")
    for reason, found in (
        ("Contraception", agreed),
        ("No childbearing is possible", own),
        ("No childbearing is possible on the partner's side", partner),
    ):
        if found:
            return passed(f"{reason}: {quoted(found[0])}.", *first(found))
    if case.sex == "F" and case.beyond_childbearing:
        return passed("A woman of 60 or over.", *first(case.present("sex", "age", "birth_date")))
    return unknown(
        NOT_MENTIONED if not statements else "Whether contraception is used or agreed to is not said.",
        *first(statements),
    )


def pregnancy(case: Case) -> Decision:
    """'Pregnant woman or lactating woman'."""
    barring = case.present("pregnancy", "lactation")
    if barring and case.sex != "M":
        return failed(f"{quoted(barring[0])}.", *first(barring))
    if case.sex == "M":
        return passed("Not applicable to a man.", *first(case.present("sex")))
    if case.beyond_childbearing:
        return passed("60 years or over.", *first(case.present("age", "birth_date")))
    past = case.present("postmenopausal", "hysterectomy")
    if past:
        return passed(f"{quoted(past[0])}.", *first(past))
    pregnant, feeding = case.negated("pregnancy"), case.negated("lactation")
    if pregnant and feeding and not case.uncertain("pregnancy", "lactation"):
        return passed("Pregnancy and lactation are both denied.", *first(pregnant + feeding))
    mentioned = case.all("pregnancy", "lactation", "pregnancy_test")
    return unknown("Pregnancy and lactation are not both excluded." if mentioned else NOT_MENTIONED, *first(mentioned))


def judgement(case: Case) -> Decision:
    """'... classified as not eligible ... according to the judgment of the researchers': only the investigator's word counts."""
    words = case.present("investigator")
    against = [f for f in words if f.text("judgement") == "unsuitable"]
    free = [f for f in words if f.text("judgement") == "no_objection"]
    if against and free:
        return unknown("The investigator is quoted both ways.", *first(words))
    if against:
        return failed(f"The investigator judges the person unsuitable: {quoted(against[0])}.", *first(against))
    if free:
        return passed(f"The investigator sees no other reason: {quoted(free[0])}.", *first(free))
    return unknown("The investigator's judgement is not stated.", *first(words))
