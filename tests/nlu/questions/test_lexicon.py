from pathlib import Path

import pytest

from bot.nlu.questions.lexicon import Lexicon, LexiconError


@pytest.mark.parametrize(
    ("text", "visits"),
    [
        ("RT1", ["RT1"]),
        ("when is my third fraction", ["RT3"]),
        ("radiotherapy day 2", ["RT2"]),
        ("fifth radiation", ["RT5"]),
        ("cycle 2 day 1", ["C2D1"]),
        ("c3d1?", ["C3D1"]),
        ("my second chemo", ["C2D1"]),
        ("cycle four", ["C4D1"]),
        ("first penpulimab", ["IO1"]),
        ("the operation", ["SURGERY"]),
        ("when is re-staging", ["RESTAGE"]),
        ("第三次放疗", ["RT3"]),
        ("第二周期", ["C2D1"]),
        ("手术", ["SURGERY"]),
        ("重新分期", ["RESTAGE"]),
        ("cycle 2 day 8", []),
        ("short-course radiotherapy 5x5 Gy", []),
        ("chemo 3 weeks ago", []),
        ("C1D1 and C2D1", ["C1D1", "C2D1"]),
    ],
)
def test_visits(lexicon: Lexicon, text: str, visits: list[str]) -> None:
    assert [mention.value for mention in lexicon.read_visits(text)] == visits


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("tomorrow's drip", ["infusion"]),
        ("my infusion", ["infusion"]),
        ("radiation today", ["radiotherapy"]),
        ("next chemo", ["chemotherapy"]),
        ("chemo pills", []),
        ("the scan", ["restaging"]),
        ("打点滴", ["infusion"]),
        ("化疗", ["chemotherapy"]),
        ("化疗药", []),
    ],
)
def test_classes(lexicon: Lexicon, text: str, classes: list[str]) -> None:
    assert [mention.value for mention in lexicon.read_classes(text)] == classes


@pytest.mark.parametrize(
    ("text", "visit"),
    [
        ("when does my radiotherapy start", "RT1"),
        ("when do I finish radiotherapy", "RT5"),
        ("when does chemo begin", "C1D1"),
        ("when is chemo over", "C4D1"),
        ("化疗什么时候结束", "C4D1"),
        ("when is the next drip", None),
    ],
)
def test_the_first_and_last_of_a_course(lexicon: Lexicon, text: str, visit: str | None) -> None:
    classes = [mention.value for mention in lexicon.read_classes(text)]
    assert lexicon.endpoint_visit(text, classes) == visit


@pytest.mark.parametrize(
    ("text", "drugs"),
    [
        ("xeloda", ["capecitabine"]),
        ("the chemo pills", ["capecitabine"]),
        ("cape dose", ["capecitabine"]),
        ("capcitabin", ["capecitabine"]),
        ("my tablets", ["capecitabine"]),
        ("oxali", ["oxaliplatin"]),
        ("oxalaplatin", ["oxaliplatin"]),
        ("penpulimab", ["penpulimab"]),
        ("penpolimab", ["penpulimab"]),
        ("卡培他滨", ["capecitabine"]),
        ("奥沙利铂", ["oxaliplatin"]),
        ("派安普利单抗", ["penpulimab"]),
        ("CAPEOX", ["capecitabine", "oxaliplatin"]),
        ("gemcitabine", []),
        ("pembrolizumab", []),
        ("cisplatin", []),
        ("capacity", []),
        ("escape", []),
    ],
)
def test_drugs(lexicon: Lexicon, text: str, drugs: list[str]) -> None:
    assert [mention.value for mention in lexicon.read_drugs(text)] == drugs


@pytest.mark.parametrize(
    ("text", "criterion"),
    [
        ("do I have to sign a consent form", "I01"),
        ("what are the age limits", "I02"),
        ("which ECOG is allowed", "I03"),
        ("which stage do I need", "I04"),
        ("is emergency surgery for a perforation a problem", "I05"),
        ("is MSI-high allowed", "I06"),
        ("must I be untreated", "I07"),
        ("can you join with metastases", "I08"),
        ("must the lesion be measurable", "I09"),
        ("what about bone marrow function", "I10"),
        ("do I need contraception", "I11"),
        ("is a relapse accepted", "E01"),
        ("had chemo before", "E02"),
        ("allergic to platinum", "E03"),
        ("the bowel is blocked", "E04"),
        ("breast cancer ten years ago", "E05"),
        ("I have lupus", "E06"),
        ("heart attack last year", "E07"),
        ("kidney transplant", "E08"),
        ("HIV", "E09"),
        ("pregnant", "E10"),
        ("in another trial", "E11"),
        ("hepatitis B", "E12"),
        ("a live vaccine", "E13"),
        ("hip replacement last month", "E14"),
        ("interstitial pneumonia", "E15"),
        ("depression", "E16"),
        ("怀孕能参加吗", "E10"),
        ("年龄限制", "I02"),
        ("乙肝", "E12"),
    ],
)
def test_criteria(lexicon: Lexicon, text: str, criterion: str) -> None:
    assert criterion in [mention.value for mention in lexicon.read_criteria(text)]


def test_the_age_limit_is_asked_of_one_criterion_alone(lexicon: Lexicon) -> None:
    assert [mention.value for mention in lexicon.read_criteria("what are the age limits")] == ["I02"]


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("next visit", "next"),
        ("all my visits", "all"),
        ("what is still to come", "to_come"),
        ("how many more drips", "to_come"),
        ("and the one after that", "after"),
        ("my last chemo", "last"),
        ("the previous visit", "previous"),
        ("再下次呢", "after"),
        ("还要来几次", "to_come"),
        ("is it on Friday", None),
    ],
)
def test_scope(lexicon: Lexicon, text: str, scope: str | None) -> None:
    assert lexicon.read_scope(text) == scope


def test_a_broken_expression_is_refused_by_name(tmp_path: Path) -> None:
    import bot.nlu.questions as questions

    source = Path(next(iter(questions.__path__)))
    for name in ("lexicon.yml", "criteria.yml", "concepts.yml"):
        (tmp_path / name).write_text((source / name).read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "criteria.yml").write_text("I01: ['(open']\n", encoding="utf-8")
    with pytest.raises(LexiconError, match="open"):
        Lexicon.load(tmp_path)


def test_a_missing_entry_is_refused_by_name(tmp_path: Path) -> None:
    for name in ("lexicon.yml", "criteria.yml", "concepts.yml"):
        (tmp_path / name).write_text("drugs: {}\n", encoding="utf-8")
    with pytest.raises(LexiconError, match="radiotherapy_visits"):
        Lexicon.load(tmp_path)
