from pathlib import Path

import spacy

from bot.nlu.pipeline import build_pipeline, save_pipeline
from bot.nlu.questions.pipe import QUESTION_MENTIONS


def spans(doc: spacy.tokens.Doc) -> list[tuple[str, str, str]]:
    return [(span.label_, span.kb_id_, span.text) for span in doc.spans[QUESTION_MENTIONS]]


def test_the_pipeline_marks_what_a_question_names() -> None:
    doc = build_pipeline()("P-0007 xeloda tomorrow, C2D1, ack T-12")
    assert spans(doc) == [
        ("participant", "P-0007", "P-0007"),
        ("ticket", "12", "T-12"),
        ("date", "tomorrow", "tomorrow"),
        ("visit", "C2D1", "C2D1"),
        ("drug", "capecitabine", "xeloda"),
    ]


def test_it_is_loaded_from_its_folder_and_replaces_an_older_one(tmp_path: Path) -> None:
    folder = tmp_path / "spacy"
    save_pipeline(folder)
    (folder / "left_over").write_text("old", encoding="utf-8")
    save_pipeline(folder)
    loaded = spacy.load(folder)
    assert loaded.path is not None
    assert not (folder / "left_over").exists()
    assert spans(loaded("受试者7今晚吃卡培他滨吗"))[0][:2] == ("participant", "P-0007")
