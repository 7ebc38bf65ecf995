"""Tokens of clinical shorthand, and where they stood."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.nlu.clinical.dictation import rewrite
from bot.nlu.clinical.spelling import slips
from bot.nlu.tokenizer import pieces

CASES = [
    ("cT3cN1bM0", "ct3c n1b m0"),
    ("ECOG1", "ecog 1"),
    ("6cm", "6 cm"),
    ("58M", "58 m"),
    ("48yoF", "48 yo f"),
    ("10^3", "10^3"),
    ("2.1×10³", "2.1 x 10^3"),
    ("tx-naive", "tx naive"),
    ("MSI-H", "msi h"),
    ("PD-1", "pd 1"),
    ("T1-2N0", "t1 - 2 n 0"),
    ("HBsAg(-)", "hbsag negative"),
    ("HBsAg+", "hbsag positive"),
    ("1,000 IU", "1000 iu"),
    ("3,5cm", "3.5 cm"),
    ("Crohn's", "crohn 's"),
    ("doesn't", "doesnt"),
    ("Sjögren", "sjogren"),
    ("12/05/2026", "12/05/2026"),
    ("[x] yes", "[x] yes"),
    ("ＨＢｓＡｇ", "hbsag"),
]


@pytest.mark.parametrize(("text", "expected"), CASES, ids=[case[0] for case in CASES])
def test_pieces(text: str, expected: str) -> None:
    assert " ".join(piece.norm for piece in pieces(text)) == expected


@given(st.text(alphabet=st.characters(), max_size=200))
def test_pieces_stand_where_they_say(text: str) -> None:
    last = 0
    for piece in pieces(text):
        assert last <= piece.start < piece.end <= len(text)
        last = piece.end


@pytest.mark.parametrize(
    ("spoken", "written"),
    [
        ("she is fifty eight full stop stage three b full stop", "she is 58 . stage 3 b ."),
        ("born seventh of january nineteen fifty eight comma ECOG one comma", "born 7th of january 1958 , ecog 1 ,"),
        ("T three N one full stop vasectomy twenty fifteen full stop", "t3 n1 . vasectomy 2015 ."),
        ("five centimetres from the verge", "5 centimetres from the verge"),
        ("Q: HIV? A: negative. Q: TB? A: no.", "hiv : negative . tb : no ."),
        ("one polyp, a full bladder, do not stop", "one polyp , a full bladder , do not stop"),
    ],
)
def test_spoken_notes(spoken: str, written: str) -> None:
    assert " ".join(piece.norm for piece in rewrite(pieces(spoken))) == written


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [("rectal", "rectl", 1), ("signed", "singed", 1), ("anastomosis", "anastamosis", 1), ("colon", "rectum", 2)],
)
def test_slips(a: str, b: str, expected: int) -> None:
    assert slips(a, b, 1) == expected
