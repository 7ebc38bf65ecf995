"""The spaCy pipe of questions: what a message names, as spans of the `Doc`."""

# without deferred annotations: spaCy reads the factory's own

from datetime import date

from spacy.language import Language
from spacy.tokens import Doc, Span

from bot.nlu.questions.lexicon import Lexicon
from bot.nlu.questions.mentions import read_mentions

#: Name of the factory and of the span group that it fills.
QUESTION_MENTIONS = "question_mentions"
#: Spans do not depend on the day; dates are resolved by the reader, which knows it.
_ANY_DAY = date(2026, 6, 10)


class QuestionMentions:
    """Fills ``doc.spans["question_mentions"]``: the label is the kind (participant, drug, ...), `kb_id_` the value."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon

    def __call__(self, doc: Doc) -> Doc:
        spans: list[Span] = []
        for kind, value, start, end in read_mentions(self._lexicon, doc.text, _ANY_DAY).tagged():
            span = doc.char_span(start, end, label=kind, kb_id=value, alignment_mode="expand")
            if span is not None:
                spans.append(span)
        doc.spans[QUESTION_MENTIONS] = spans
        return doc


@Language.factory(QUESTION_MENTIONS)
def make_question_mentions(nlp: Language, name: str) -> QuestionMentions:
    """The factory that spaCy calls when the pipeline is built or loaded."""
    return QuestionMentions(Lexicon.load())
