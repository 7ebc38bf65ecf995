"""A note in the chat is told from a question."""

from __future__ import annotations

import pytest

from bot.nlu.clinical import ClinicalReader

NOTES = [
    "63M, ECOG 0, cT3cN1bM0, MSS",
    "dMMR on IHC, PCR awaited",
    "would he fit? 71yo man, PS 1, T4aN0M0, 5cm from anal verge",
    "precheck: 40F breastfeeding",
    "ECOG 1",
    "HBsAg pos, DNA 3000 IU/mL",
    "female 55 postmenopausal low rectal adenocarcinoma",
    "next patient: 49F, ECOG 2",
    "hep B and C negative, no allergies",
]
QUESTIONS = [
    "what is MSS",
    "by the way what does ECOG mean",
    "When is my next visit?",
    "can someone who had a stroke last year take part?",
    "how old do you have to be",
    "P-0012 dose today",
    "do I take my capecitabine tonight",
    "I had my chemotherapy yesterday and feel sick",
    "my husband had bowel cancer surgery, can he join",
    "is hepatitis B a problem for the trial",
    "where is 0107 in the protocol",
    "hello",
    "",
]


@pytest.fixture(scope="module")
def reader() -> ClinicalReader:
    return ClinicalReader.load()


@pytest.mark.parametrize("text", NOTES)
def test_notes(reader: ClinicalReader, text: str) -> None:
    assert reader.looks_like_note(text)


@pytest.mark.parametrize("text", QUESTIONS)
def test_questions(reader: ClinicalReader, text: str) -> None:
    assert not reader.looks_like_note(text)
