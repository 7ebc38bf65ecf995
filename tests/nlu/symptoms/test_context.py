"""Whether a sign is there now, in the participant."""

from __future__ import annotations

import pytest

from bot.nlu.symptoms import SymptomReader


@pytest.mark.parametrize(
    ("text", "concept", "status"),
    [
        ("no fever", "fever", "negated"),
        ("I have not had any pain in my chest", "chest_pain", "negated"),
        ("No fever but I have chest pain", "chest_pain", "present"),
        ("no fever, chills or cough", "cough", "negated"),
        ("denies fever, cough, chest pain", "chest_pain", "negated"),
        ("no fever and vomiting blood", "vomiting_blood", "present"),
        ("No, I have chest pain", "chest_pain", "present"),
        ("the fever is not going down", "fever", "present"),
        ("I don't think it is serious but my chest hurts", "chest_pain", "present"),
        ("没有发烧", "fever", "negated"),
        ("is fever common?", "fever", "general"),
        ("is diarrhoea a side effect?", "diarrhoea", "general"),
        ("I have diarrhoea, is that a side effect?", "diarrhoea", "present"),
        ("what if I get a fever?", "fever", "hypothetical"),
        ("I wonder if I have a fever", "fever", "present"),
        ("if you have time: my chest hurts", "chest_pain", "present"),
        ("last cycle I had diarrhoea", "diarrhoea", "past"),
        ("last cycle I had diarrhoea, now I have a fever", "fever", "present"),
        ("since the last cycle I have diarrhoea", "diarrhoea", "present"),
        ("had a headache yesterday but it's gone now", "headache", "past"),
        ("I fainted this morning but I'm fine now", "syncope", "present"),
        ("my wife has a fever, can I still take my tablets", "fever", "other_person"),
        ("My wife has a fever. Can I still take my tablets?", "fever", "other_person"),
        ("my wife has a fever and now me too, do I take my tablets?", "fever", "present"),
        ("my husband is hard to wake", "drowsy", "present"),
        ("my wife says I look yellow, do I take my tablets?", "jaundice", "present"),
        ("my neighbour has a fever", "fever", "other_person"),
        ("my wife is pregnant", "pregnancy", "present"),
        ("I dreamt I had chest pain", "chest_pain", "hypothetical"),
        ("如果我发烧了怎么办?", "fever", "hypothetical"),
        ("no chest pain", "chest_pain", "negated"),
        ("no fever chest pain", "chest_pain", "present"),
        ("the runs non stop", "diarrhoea", "present"),
        ("can someone with chest pain join", "chest_pain", "general"),
        ("I have chest pain, can I still take part", "chest_pain", "present"),
        ("P-0107 chest pain, still eligible?", "chest_pain", "present"),
        ("61F rectal adenocarcinoma, ECOG 0, chest pain last night", "chest_pain", "general"),
        ("P-0106 grade 3 diarrhoea", "diarrhoea", "present"),
        ("is grade 3 diarrhoea common", "diarrhoea", "general"),
        ("did P-0106 report diarrhoea", "diarrhoea", "general"),
        ("Is chest pressure serious? I have it now", "chest_pain", "present"),
        ("if I stand up I black out", "syncope", "present"),
        ("if I wake up with a fever, whom do I call", "fever", "hypothetical"),
        ("I read that chest pain is serious and I have it", "chest_pain", "present"),
        ("I read that chest pain is serious", "chest_pain", "hypothetical"),
        ("she is pregnant", "pregnancy", "other_person"),
        ("my wife says she is pregnant", "pregnancy", "present"),
        ("my neighbour says to take extra tablets", "overdose", "hypothetical"),
        ("I took two extra tablets, should I skip tonight", "overdose", "present"),
        ("my son says he took my tablets", "swallowed_by_another", "present"),
        ("I might have a fever", "fever", "present"),
        ("I'm worried I might get a fever", "fever", "hypothetical"),
        ("最近爬楼梯有点喘，以前没有", "breathless_effort", "present"),
        ("卡培他滨会引起腹泻吗", "diarrhoea", "general"),
        ("我老婆发烧了,我今天还能吃药吗?", "fever", "other_person"),
        ("上个周期我拉肚子", "diarrhoea", "past"),
    ],
)
def test_status(reader: SymptomReader, text: str, concept: str, status: str) -> None:
    assert {finding.status for finding in reader.read(text) if finding.concept == concept} == {status}


@pytest.mark.parametrize(
    "text",
    [
        "dying to know",
        "can someone with a heart attack last year join?",
        "sick of waiting",
        "breathless with excitement",
    ],
)
def test_idioms_are_no_signs(reader: SymptomReader, text: str) -> None:
    assert reader.read(text) == ()
