"""I04 diagnosis, I05 emergency operation, I06 MSS, I08 metastasis, I09 lesion, E01 recurrence, E04 obstruction."""

from __future__ import annotations

from itertools import product

from bot.trial.criteria.case import NOT_MENTIONED, Case, Decision, Result, failed, first, passed, quoted, unknown
from bot.trial.facts import Finding


def diagnosis(case: Case) -> Decision:
    """'pathologically confirmed rectal adenocarcinoma ... less than 10cm from the anal verge, clinical stage II-III'."""
    parts = (_histology(case), _place(case), _stage(case))
    failing = [part for part in parts if part.result == "fail"]
    evidence = tuple(f for part in parts for f in part.findings)
    if failing:
        return Decision("fail", " ".join(part.why for part in failing), failing[0].findings)
    open_parts = [part for part in parts if part.result == "unknown"]
    if open_parts:
        return Decision("unknown", " ".join(part.why for part in open_parts), evidence)
    return Decision("pass", " ".join(part.why for part in parts), evidence)


def _histology(case: Case) -> Decision:
    found = [f for f in case.all("histology") if f.assertion == "present"]
    adeno = [f for f in found if f.text("type") == "adenocarcinoma"]
    other = [f for f in found if f.text("type") == "other_malignant"]
    if adeno and other:
        return unknown("Two histologies are given.", *first(adeno + other))
    if other:
        return failed(f"Histology is not adenocarcinoma: {quoted(other[0])}.", *first(other))
    if adeno and not case.uncertain("histology"):
        return passed("Adenocarcinoma.", *first(adeno, 1))
    if adeno:
        doubtful = [f for f in case.uncertain("histology") if f.text("type") == "adenocarcinoma"]
        if len(doubtful) < len(adeno) or not doubtful:
            return passed("Adenocarcinoma.", *first(adeno, 1))
    return unknown("Histology is not said to be adenocarcinoma.", *first(case.all("histology")))


def _place(case: Case) -> Decision:
    heights = case.present("tumour_height")
    limit, spread = case.threshold("height_mm_below"), case.threshold("height_range_mm")
    sides: set[Result] = set()
    for height in heights:
        low, high = height.number("low_mm") or 0.0, height.number("high_mm") or 0.0
        if high < limit or (low < limit and high - low >= spread and high < 350):
            sides.add("pass")
        elif low >= limit:
            sides.add("fail")
        else:
            sides.add("unknown")
    if heights:
        if sides == {"pass"}:
            return passed("Lower border under 10 cm from the anal verge.", *first(heights, 1))
        if sides == {"fail"}:
            return failed(f"Lower border 10 cm or more from the anal verge: {quoted(heights[0])}.", *first(heights, 1))
        return unknown("The height of the lower border is contradictory or lies across 10 cm.", *first(heights))
    if case.uncertain("tumour_height"):
        return unknown("The height of the tumour is in doubt.", *first(case.uncertain("tumour_height")))
    thirds = case.all("rectal_third")
    names = {f.text("third") if f.assertion == "present" else "unclear" for f in thirds if f.assertion != "negated"}
    sites = {f.text("site"): f for f in case.present("tumour_site")}
    outside = [f for site, f in sites.items() if site in {"colon", "sigmoid", "anal_canal"}]
    if outside and "rectum" not in sites and not names:
        return failed(f"The tumour is not in the rectum: {quoted(outside[0])}.", *outside[:1])
    if names and names <= {"low", "mid"} and not outside:
        return passed("Low or mid rectum.", *first(thirds, 1))
    if names == {"upper"}:
        return failed(f"Upper rectum without a distance: {quoted(thirds[0])}.", *first(thirds, 1))
    return unknown("The distance of the lower border from the anal verge is not given.", *first(thirds))


def _t_classes(value: str) -> set[str]:
    """`early` (T1-2), `late` (T3-4), `tis`, `open` for a T category or a range of them."""
    out = set()
    for part in value.lower().split("-"):
        digit = next((c for c in part if c.isdigit()), "")
        out.add(
            "tis"
            if part.startswith("is")
            else "open"
            if not digit
            else "early"
            if digit in "12"
            else "late"
            if digit in "34"
            else "tis"
        )
    return out


def _n_classes(value: str) -> set[str]:
    """`yes`, `no`, `open` for an N category or a range of them."""
    out = set()
    for part in value.lower().split("-"):
        head = part[:1]
        out.add("open" if head == "x" else "no" if head == "0" else "yes")
    return out


_STAGE_SIDE = {"0": "fail", "I": "fail", "II": "pass", "III": "pass", "IV": "fail"}


def _stage_sides(case: Case) -> tuple[set[str], list[Finding]]:
    found = case.present("stage")
    sides = set()
    for stage in found:
        for part in stage.text("value").split("-"):
            sides.add(_STAGE_SIDE.get(part.rstrip("ABC"), "open"))
    return sides, found


def _usable(findings: list[Finding]) -> list[Finding]:
    """Categories of the tumour as it is, a recurrence (r) too; those after treatment (yp, yc) say nothing of now."""
    return [f for f in findings if f.text("prefix") not in {"yp", "yc", "y"}]


def _tn_sides(case: Case) -> tuple[set[str], list[Finding]]:
    t_found, n_found = _usable(case.present("t_category")), _usable(case.present("n_category"))
    t_all: set[str] = set().union(*(_t_classes(f.text("value")) for f in t_found)) if t_found else {"open"}
    n_all: set[str] = set().union(*(_n_classes(f.text("value")) for f in n_found)) if n_found else {"open"}
    sides = set()
    for t, n in product(t_all, n_all):
        if t == "tis":
            sides.add("fail")
        elif t == "late":
            sides.add("pass")
        elif t == "early":
            sides.add({"yes": "pass", "no": "fail"}.get(n, "open"))
        else:
            sides.add("open")
    doubtful = _usable(case.uncertain("t_category")) or _usable(case.uncertain("n_category"))
    if doubtful and sides != {"pass"}:
        sides.add("open")
    return sides, [*t_found, *n_found]


def _stage(case: Case) -> Decision:
    spread = metastasis(case)
    stage_sides, stage_found = _stage_sides(case)
    tn_sides, tn_found = _tn_sides(case)
    evidence = first([*tn_found, *stage_found])
    if spread.result == "fail":
        return failed(spread.why, *spread.findings)
    if tn_found and tn_sides == {"fail"} and "pass" not in stage_sides:
        return failed("T1-2 N0 or Tis is outside T1-2 N1-2 and T3-4.", *evidence)
    if stage_sides == {"fail"} and "pass" not in tn_sides:
        return failed(f"{quoted(stage_found[0])} is outside stage II-III.", *evidence)
    if stage_sides == {"pass"} and not ("fail" in tn_sides and tn_found):
        return passed(f"{quoted(stage_found[0])}.", *evidence)
    if tn_sides == {"pass"} and not stage_sides & {"fail"}:
        if spread.result == "pass":
            return passed(
                "T and N categories within T1-2 N1-2 or T3-4, no distant metastasis.",
                *evidence,
                *first(spread.findings, 1),
            )
        return unknown("No word on distant metastasis (M).", *evidence)
    if evidence and (len(tn_sides) > 1 or "fail" in tn_sides | stage_sides):
        return unknown("The stage is contradictory or incomplete.", *evidence)
    return unknown("The stage (T, N, M) is not given in full.", *evidence)


def metastasis(case: Case) -> Decision:
    """'No distant metastasis'."""
    m_values = {f.text("value")[:1].upper() for f in case.present("m_category")}
    stage_sides = {f.text("value").rstrip("ABC") for f in case.present("stage")}
    present = case.present("metastasis")
    barring = (
        present
        + [f for f in case.present("m_category") if f.text("value").startswith("1")]
        + [f for f in case.present("stage") if f.text("value").startswith("IV")]
    )
    free = [f for f in case.present("m_category") if f.text("value").startswith("0")]
    free += [f for f in case.present("stage") if f.text("value").rstrip("ABC") in {"II", "III"}]
    free += [f for f in case.negated("metastasis") if f.text("site") == "any"]
    regions = [f for f in case.negated("metastasis") if f.text("site") != "any"]
    if {f.text("site") for f in regions} >= {"liver", "lung"}:
        free += regions
    doubtful = case.uncertain("metastasis")
    if barring and free:
        return unknown("Distant metastasis is both stated and denied.", *first(barring + free))
    if barring:
        return failed(f"Distant metastasis: {quoted(barring[0])}.", *first(barring))
    if doubtful:
        return unknown(f"A distant metastasis is not excluded: {quoted(doubtful[0])}.", *first(doubtful))
    if free and "X" not in m_values and not case.uncertain("m_category") and "IV" not in stage_sides:
        return passed(f"No distant metastasis: {quoted(free[0])}.", *first(free))
    return unknown("Distant metastasis is not excluded." if m_values or regions else NOT_MENTIONED, *first(regions))


def emergency(case: Case) -> Decision:
    """'Without emergency operation due to complication (bleeding, perforation or obstruction) caused by rectal cancer'."""
    done = [f for f in case.present("emergency_surgery") if f.text("cause") != "other"]
    denied = case.negated("emergency_surgery")
    if done and denied:
        return unknown("An emergency operation is both stated and denied.", *first(done + denied))
    if done:
        return failed(f"Emergency operation: {quoted(done[0])}.", *first(done))
    if case.uncertain("emergency_surgery"):
        return unknown("An emergency operation is in doubt.", *first(case.uncertain("emergency_surgery")))
    if denied:
        return passed(f"No emergency operation: {quoted(denied[0])}.", *first(denied))
    elective = case.present("elective_surgery")
    if elective:
        return passed(f"The operation was elective: {quoted(elective[0])}.", *first(elective))
    never = [f for f in case.present("surgery_none") if f.text("scope") == "ever"]
    operated = [f for f in case.present("surgery") if f.flag("major")] + case.present("stoma")
    if never and not operated:
        return passed(f"No operation ever: {quoted(never[0])}.", *first(never))
    names = [str(name) for name in case.rules["complications"]]
    denials = [case.negated(name) for name in names]
    if all(denials) and not case.present(*names) and not case.uncertain(*names):
        return passed("Bleeding, perforation and obstruction are all denied.", *first([d[0] for d in denials]))
    mentioned = case.all("stoma", *names)
    return unknown(
        "No operation is said to be, or not to be, an emergency." if mentioned else NOT_MENTIONED, *first(mentioned)
    )


def microsatellite(case: Case) -> Decision:
    """'Microsatellite Instability detection using PCR capillary electrophoresis results in MSS'."""
    tests = case.present("microsatellite")
    repair = case.present("mismatch_repair")
    by_pcr = {f.text("status") for f in tests if f.text("method") == "PCR"}
    stable = [f for f in tests if f.text("status") == "MSS" and f.text("method") in {"", "PCR"}]
    pcr_stable = [f for f in tests if f.text("status") == "MSS" and f.text("method") == "PCR"]
    high = [f for f in tests if f.text("status") == "MSI-H"]
    deficient = [f for f in repair if f.text("status") == "dMMR"]
    if len(by_pcr) > 1:
        return unknown("PCR results contradict each other.", *first(tests))
    if "MSI-H" in by_pcr:
        return failed(f"MSI-H by PCR: {quoted(high[0])}.", *first(high))
    if pcr_stable:
        if high:
            return unknown("PCR says MSS, another test MSI-H.", *first(pcr_stable + high))
        return passed(f"MSS by PCR: {quoted(pcr_stable[0])}.", *first(pcr_stable))
    if "MSI-L" in by_pcr:
        return unknown("MSI-L by PCR is neither MSS nor MSI-H.", *first(tests))
    if deficient:
        return failed(f"Mismatch repair deficient and PCR has not said MSS: {quoted(deficient[0])}.", *first(deficient))
    if high and stable:
        return unknown("MSS and MSI-H are both stated.", *first(high + stable))
    if high:
        return failed(f"MSI-H: {quoted(high[0])}.", *first(high))
    doubtful = case.uncertain("microsatellite")
    if (
        stable
        and not any(f.text("status") == "MSI-L" for f in tests)
        and not any(f.text("status") == "MSI-H" for f in doubtful)
    ):
        return passed(f"MSS: {quoted(stable[0])}.", *first(stable))
    if tests or repair or doubtful or case.uncertain("mismatch_repair"):
        return unknown(
            "MSS by PCR is not stated (pending, another method, MSI-L or mismatch repair alone).",
            *first(tests + repair + doubtful),
        )
    return unknown(NOT_MENTIONED)


def lesion(case: Case) -> Decision:
    """'Have an imaging measurable or clinically assessable lesion'."""
    found = case.present("lesion")
    there = [f for f in found if f.get("assessable") is True]
    gone = [f for f in found if f.get("assessable") is False]
    if gone and not any(f.number("size_mm") is None for f in there):
        return failed(f"No measurable or assessable lesion: {quoted(gone[0])}.", *first(gone))
    if gone and there:
        return unknown("A lesion is both stated and denied.", *first(gone + there))
    if there:
        return passed(f"{quoted(there[0])}.", *first(there))
    return unknown(NOT_MENTIONED, *first(case.uncertain("lesion")))


def recurrence(case: Case) -> Decision:
    """'Recurrent rectal cancer'."""
    found = case.present("course")
    recurrent = [f for f in found if f.text("value") == "recurrent"]
    primary = [f for f in found if f.text("value") == "primary"]
    doubtful = case.uncertain("course")
    if recurrent and primary:
        return unknown("Called recurrent and primary.", *first(recurrent + primary))
    if recurrent:
        return failed(f"Recurrent: {quoted(recurrent[0])}.", *first(recurrent))
    if doubtful and any(f.text("value") == "recurrent" for f in doubtful):
        return unknown("A recurrence is suspected.", *first(doubtful))
    if primary:
        return passed(f"{quoted(primary[0])}.", *first(primary))
    return unknown(NOT_MENTIONED, *first(doubtful))


def obstruction(case: Case) -> Decision:
    """'Intestinal obstruction due to tumor (except in patients who have received a stoma)'."""
    present, denied = case.present("obstruction"), case.negated("obstruction")
    stoma = [] if case.negated("stoma") else case.present("stoma")
    still = [f for f in present if f.flag("still")]
    if stoma and present and not (still and not any(s.evidence.start is not None for s in stoma)):
        return (
            passed(f"Obstruction relieved by a stoma: {quoted(stoma[0])}.", *first([present[0], stoma[0]]))
            if not still
            else failed(f"Still obstructed: {quoted(still[0])}.", *first(still))
        )
    relieved = [f for f in present if f.text("relieved_by")]
    if present and relieved and not still:
        return unknown("The obstruction was relieved without a stoma.", *first(relieved))
    if present and denied:
        return unknown("Obstruction is both stated and denied.", *first(present + denied))
    if present:
        return failed(f"Obstruction without a stoma: {quoted(present[0])}.", *first(present))
    doubtful = case.uncertain("obstruction")
    threatening = [f for f in doubtful if "obstr" in f.evidence.text.lower()]
    if stoma and threatening and len(threatening) == len(doubtful):
        return passed(
            f"Threatening obstruction relieved by a stoma: {quoted(stoma[0])}.", *first([doubtful[0], stoma[0]])
        )
    if denied and not doubtful:
        return passed(f"No obstruction: {quoted(denied[0])}.", *first(denied))
    if doubtful:
        return unknown("Obstruction is impending or in doubt.", *first(doubtful))
    return unknown(NOT_MENTIONED)
