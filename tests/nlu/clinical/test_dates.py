"""Dates in notes as bounds against 10 June 2026, a Wednesday."""

from __future__ import annotations

from datetime import date

import pytest

from bot.nlu.clinical import ClinicalReader

CASES = [
    ("MI 3 May 2026", "2026-05-03", "2026-05-03"),
    ("MI on 3.5.2026", "2026-05-03", "2026-05-03"),
    ("MI 2026-05-03", "2026-05-03", "2026-05-03"),
    ("MI 25/04/2026", "2026-04-25", "2026-04-25"),
    ("MI 14 Jan 26", "2026-01-14", "2026-01-14"),
    ("MI in May 2025", "2025-05-01", "2025-05-31"),
    ("MI 03/2025", "2025-03-01", "2025-03-31"),
    ("MI 2019", "2019-01-01", "2019-12-31"),
    ("MI 10 days ago", "2026-05-31", "2026-05-31"),
    ("MI 6 months ago", "2025-12-10", "2025-12-10"),
    ("MI 3/52 ago", "2026-05-20", "2026-05-20"),
    ("MI 6/12 ago", "2025-12-10", "2025-12-10"),
    ("MI yesterday", "2026-06-09", "2026-06-09"),
    ("MI last Friday", "2026-06-05", "2026-06-05"),
    ("MI last month", "2026-05-01", "2026-05-31"),
    ("MI last year", "2025-01-01", "2025-12-31"),
    ("MI in August", "2025-08-01", "2025-08-31"),
    ("MI in the 1990s", "1990-01-01", "1999-12-31"),
    ("MI over 3 years ago", None, "2023-06-09"),
    ("MI in the last 6 weeks", "2026-04-29", "2026-06-10"),
    ("MI spring 2025", "2025-03-01", "2025-05-31"),
    ("MI between 2010-2012", "2010-01-01", "2012-12-31"),
]


@pytest.mark.parametrize(("text", "earliest", "latest"), CASES, ids=[case[0] for case in CASES])
def test_bounds(reader: ClinicalReader, text: str, earliest: str | None, latest: str | None) -> None:
    finding = next(f for f in reader.read(text, date(2026, 6, 10)) if f.concept == "myocardial_infarction")
    assert finding.when.as_list() == [earliest, latest]


def test_a_date_that_reads_two_ways_never_excuses(reader: ClinicalReader) -> None:
    finding = next(f for f in reader.read("MI 06/12/2025", date(2026, 6, 10)) if f.concept == "myocardial_infarction")
    assert finding.when.latest == date(2025, 12, 6)
    finding = next(f for f in reader.read("MI 06/05/2026", date(2026, 6, 10)) if f.concept == "myocardial_infarction")
    assert finding.when.as_list() == ["2026-05-06", "2026-06-05"]


def test_another_date_of_the_note_shows_the_order(reader: ClinicalReader) -> None:
    found = reader.read("Seen 04/25/2026. MI 05/06/2025.", date(2026, 6, 10))
    finding = next(f for f in found if f.concept == "myocardial_infarction")
    assert finding.when.as_list() == ["2025-05-06", "2025-05-06"]
