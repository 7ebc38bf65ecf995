import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.nlu.language import detect_language, fold


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("When do I have to come?", "en"),
        ("xeloda tonight", "en"),
        ("wen do i com", "en"),
        ("我下次什么时候来医院", "zh"),
        ("我今晚吃xeloda吗", "zh"),
        ("P-0003下次访视", "zh"),
        ("谢谢", "zh"),
        ("请问 capecitabine 怎么吃", "zh"),
        ("my doctor 王医生 told me to come tomorrow, is that right", "en"),
        ("P-0007?", None),
        ("C3D1?", None),
        ("15/6", None),
        ("ok", None),
        ("👍", None),
        ("", None),
        ("capecitabine", None),
        ("次はいつですか", None),
    ],
)
def test_the_language_a_message_shows(text: str, language: str | None) -> None:
    assert detect_language(text) == language


def test_full_width_forms_are_folded_and_lookalikes_are_not() -> None:
    assert fold("Ｐ－０００７？") == "P-0007?"
    assert fold("Р-0007") == "Р-0007"


@given(st.text())
def test_folding_keeps_every_place(text: str) -> None:
    assert len(fold(text)) == len(text)
