import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.nlu.questions.participants import read_participants, read_tickets


@pytest.mark.parametrize(
    "text",
    [
        "P-0007",
        "p7",
        "P 0007",
        "p.7 next",
        "0007 next",
        "when is 0007 in",
        "#7",
        "patient 7",
        "patient seven",
        "participant no. 7",
        "subject number 7",
        "pt 0007 has a fever",
        "P-0007's dose",
        "patient zero zero zero seven",
        "p double oh oh seven",
        "what about 7?",
        "Ｐ－０００７",
        "7号病人",
        "受试者7",
        "患者P-0007",
        "七号患者",
        "P0007下次访视",
    ],
)
def test_every_usual_form_of_a_code(text: str) -> None:
    assert [mention.code for mention in read_participants(text)] == ["P-0007"]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("P-0003 and P-0005", ["P-0003", "P-0005"]),
        ("patient twenty one", ["P-0021"]),
        ("P-00071", ["P-00071"]),
        ("0107 has 39", ["P-0107"]),
        ("受试者十二号", ["P-0012"]),
    ],
)
def test_other_codes(text: str, codes: list[str]) -> None:
    assert [mention.code for mention in read_participants(text)] == codes


@pytest.mark.parametrize(
    "text",
    [
        "P/IO1",
        "pO2 at 98",
        "p. 100 mg",
        "come at 0900",
        "58M pT3N1",
        "the patient 2 weeks ago",
        "p53 mutated",
        "1800 mg",
        "on 2026-06-15",
        "patient 58 years old",
        "患者62岁",
        "ack T-12",
        "+8618917762018",
        "38.4",
    ],
)
def test_what_is_no_code(text: str) -> None:
    assert read_participants(text) == ()


@pytest.mark.parametrize(
    "text", ["Р-0007", "Ρ-0007", "P-OO07", "P-0lO7", "P--0007", "P/0007", "P-٠٠٠٧", "P-०००७"]
)  # Cyrillic, Greek, letters for figures, odd separators, figures of other scripts
def test_a_look_alike_names_somebody_who_is_on_no_file(text: str) -> None:
    assert [mention.code for mention in read_participants(f"next visit of {text}?")] == [text]


@pytest.mark.parametrize(
    ("text", "number"),
    [("ack T-12", 12), ("ticket 5 done", 5), ("close #9", 9), ("T-0031", 31), ("工单7", 7), ("acknowledge 14", 14)],
)
def test_tickets(text: str, number: int) -> None:
    assert [mention.number for mention in read_tickets(text)] == [number]


def test_a_tumour_stage_is_no_ticket() -> None:
    assert read_tickets("T3 N1 M0, cT4") == ()


@given(st.integers(1, 9999), st.sampled_from(["P-{:04d}", "p{}", "patient {}", "{:04d}号患者", "participant no. {}"]))
def test_a_code_is_read_back_from_any_form(number: int, form: str) -> None:
    assert [mention.code for mention in read_participants(form.format(number))] == [f"P-{number:04d}"]


@given(st.text(max_size=60))
def test_any_text_is_survived(text: str) -> None:
    assert all(0 <= mention.start < mention.end <= len(text) for mention in read_participants(text))
