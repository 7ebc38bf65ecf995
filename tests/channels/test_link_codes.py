"""A link code is found in whatever is written around it, and words are not taken for one."""

from __future__ import annotations

import pytest

from bot.channels.link_codes import asks_to_unlink, find_code, for_a_linked_account


@pytest.mark.parametrize(
    ("text", "code", "rest"),
    [
        ("AB2DE-FGHJK", "AB2DE-FGHJK", ""), ("ab2de-fghjk", "ab2de-fghjk", ""), ("AB2DEFGHJK", "AB2DEFGHJK", ""),
        ("AB2DE FGHJK", "AB2DE FGHJK", ""), ("ABCDE-FGHJK", "ABCDE-FGHJK", ""), (" ab2de–fghjk. ", "ab2de–fghjk", "."),
        ("my code is ab2defghjk", "ab2defghjk", "my code is"), ("link abcdefghjk", "abcdefghjk", "link"),
        ("hello AB2DE FGHJK", "AB2DE FGHJK", "hello"), ("链接码 AB2DE-FGHJK", "AB2DE-FGHJK", "链接码"),
        ("我的关联码是ＡＢ２ＤＥ－ＦＧＨＪＫ", "AB2DE-FGHJK", "我的关联码是"),
        ("AB2DE-FGHJK and I have chest pain", "AB2DE-FGHJK", "and I have chest pain"),
        ("А" + "B2DE-FGHJK", "АB2DE-FGHJK", ""),
        ("AB2DE-FGHIO", "AB2DE-FGHIO", ""), ("AB0DE-FGHJ1", "AB0DE-FGHJ1", ""),
    ],
)  # fmt: skip
def test_a_code_is_found(text: str, code: str, rest: str) -> None:
    found = find_code(text)
    assert found is not None
    assert found.sure
    assert (found.code, " ".join(found.rest.split())) == (code, rest)


@pytest.mark.parametrize(
    "text",
    ["understand", "treatments", "these words", "abcdefghjk", "great-great", "hello there", "penpulimab?"],
)
def test_ten_letters_may_be_a_word(text: str) -> None:
    found = find_code(text)
    assert found is not None
    assert not found.sure


@pytest.mark.parametrize(
    "text",
    [
        "When is my next visit?", "P-0003", "next visit of P-0003", "2026-06-10", "13800000000",
        "58M, ECOG 1, cT3N1M0, MSS, 6 cm from the anal verge", "I understand", "those other words", "", "C2D1 on 12 June",
        "AB2DE-FGHJK-LMNPQ", "xAB2DE-FGHJKx2",
    ],
)  # fmt: skip
def test_other_texts_hold_no_code(text: str) -> None:
    assert find_code(text) is None


def test_a_note_of_a_linked_account_is_no_code() -> None:
    note = "MRI A1234-56789: rectal adenocarcinoma 6 cm from the anal verge, cT3N1M0, EMVI negative. " + "ECOG 1. " * 10
    found = find_code(note)
    assert found is not None
    assert not for_a_linked_account(found)
    handed_over = find_code("my code is AB2DE-FGHJK")
    assert handed_over is not None
    assert for_a_linked_account(handed_over)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("unlink me", True), ("Unlink me!", True), ("please unlink my account", True), ("Could you unlink my chat account please", True),
        ("disconnect this account", True), ("解除关联", True), ("请解除我的账号关联。", True), ("取消绑定", True),
        ("how do I unlink my account?", False), ("do not unlink me", False), ("unlink", False), ("unlink P-0003", False),
        ("disconnect my infusion", False), ("取消预约", False),
    ],
)  # fmt: skip
def test_a_wish_to_be_unlinked(text: str, wanted: bool) -> None:
    assert asks_to_unlink(text) is wanted


def test_a_code_in_a_long_message_is_found_and_ten_letters_there_are_words() -> None:
    story = "There is quite some story about these plain words. " * 5
    found = find_code(f"{story} AB2DE-FGHJK")
    assert found is not None
    assert (found.code, found.sure, found.alone) == ("AB2DE-FGHJK", True, False)
    assert find_code(story) is None
