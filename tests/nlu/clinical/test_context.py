"""The context of one target: denied, doubtful, planned, past, or somebody else's. The target stands in angle brackets."""

from __future__ import annotations

from datetime import date

import pytest

from bot.nlu.clinical import ClinicalReader

CASES = [
    ("no <fever>, cough or rash", "negated"),
    ("no cough, fever or <rash>", "negated"),
    ("no rash; <fever> since Monday", "present"),
    ("denies chills, sweats and <fever>; has a cough", "negated"),
    ("denies chills and sweats; has a <fever>", "present"),
    ("<Fever>: no", "negated"),
    ("Fever: no, <cough>: yes", "present"),
    ("<fever> was ruled out", "negated"),
    ("neither fever nor <rash>", "negated"),
    ("<gluten antibodies> NOT DETECTED", "negated"),
    ("fever and <rash> both absent", "negated"),
    ("no fever but a <rash>", "present"),
    ("no fever, <rash> since 2019", "present"),
    ("?<gout>", "uncertain"),
    ("possible <gout>", "uncertain"),
    ("cannot exclude <gout>", "uncertain"),
    ("<gout> is suspected", "uncertain"),
    ("<gout> not excluded", "uncertain"),
    ("return if <fever> develops", "hypothetical"),
    ("planned <tonsil removal> in May", "planned"),
    ("<pinning> booked for May", "planned"),
]


@pytest.mark.parametrize(("marked", "expected"), CASES, ids=[case[0] for case in CASES])
def test_assertion(reader: ClinicalReader, marked: str, expected: str) -> None:
    assert target(reader, marked).assertion == expected


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("his father had <gout>", "family"),
        ("mother: <gout>", "family"),
        ("<gout> in his brother", "family"),
        ("FHx of <gout>", "family"),
        ("his wife has <gout>", "partner"),
        ("a neighbour has <gout>", "other"),
        ("came with his wife, <gout> for years", "patient"),
        ("his wife says that he has <gout>", "patient"),
        ("father had a stroke; he has <gout>", "patient"),
        ("Family history:\n<Gout>.\nExamination:\nwell.", "family"),
        ("Family history:\nGout.\nExamination:\n<rash>.", "patient"),
        ("mo <gout>", "family"),
        ("sons have <gout>", "family"),
    ],
)
def test_whose(reader: ClinicalReader, marked: str, expected: str) -> None:
    assert target(reader, marked).experiencer == expected


@pytest.mark.parametrize(
    ("marked", "expected"),
    [("history of <gout>", True), ("<gout> in the past", True), ("PMH: <gout>, asthma", True), ("<gout> today", False)],
)
def test_history(reader: ClinicalReader, marked: str, expected: bool) -> None:
    assert target(reader, marked).historical is expected


def target(reader: ClinicalReader, marked: str):  # type: ignore[no-untyped-def]
    start = marked.index("<")
    end = marked.index(">") - 1
    note = reader.note(marked.replace("<", "").replace(">", ""), date(2026, 6, 10), [(start, end)])
    return next(mention for mention in note.mentions if mention.concept == "given")
