"""Long messages are cut where it does no harm, and nothing of them is left out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.nlu.pieces import LONGEST_CHINESE_PIECE, LONGEST_PIECE, PiecewiseReader, pieces
from bot.trial.triage import SymptomFinding


class Words:
    """Finds one word."""

    def __init__(self) -> None:
        self.read_at_once: list[int] = []

    def read(self, text: str) -> tuple[SymptomFinding, ...]:
        self.read_at_once.append(len(text))
        return (SymptomFinding("fever", "present", {}, "fever"),) if "fever" in text else ()

    def speaks_of_body(self, text: str) -> bool:
        self.read_at_once.append(len(text))
        return "elbow" in text


@given(st.text(alphabet="ab .,\n。，烧", max_size=4 * LONGEST_PIECE), st.integers(0, 4 * LONGEST_PIECE))
def test_every_word_is_in_a_piece(text: str, place: int) -> None:
    text = text[:place] + "fever" + text[place:]
    found = list(pieces(text))
    assert all(0 < len(piece) <= LONGEST_PIECE for piece in found)
    assert any("fever" in piece for piece in found)


def test_a_cut_is_behind_a_sentence() -> None:
    sentence = "I do not have a fever today, and no pain either. "
    assert all(piece.startswith("I do not") and piece.endswith(". ") for piece in pieces(sentence * 100))


@pytest.mark.parametrize("length", [100, LONGEST_PIECE, 16_000])
@pytest.mark.parametrize(("text", "longest"), [("fever ", LONGEST_PIECE), ("fever发烧，", LONGEST_CHINESE_PIECE)])
def test_no_more_is_read_at_once_than_a_piece(length: int, text: str, longest: int) -> None:
    words = Words()
    found = PiecewiseReader(words).read((text * length)[:length])
    assert [one.concept for one in found] == ["fever"]
    assert PiecewiseReader(words).speaks_of_body((text * length)[:length] + " elbow")
    assert not PiecewiseReader(words).speaks_of_body((text * length)[:length])
    assert max(words.read_at_once) <= longest
