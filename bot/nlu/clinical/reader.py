"""The clinical reader: one spaCy pipeline that turns a note into findings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path

import spacy
from spacy.language import Language
from spacy.tokens import Doc

from bot.nlu.clinical.chat import looks_like_note
from bot.nlu.clinical.context import apply_context
from bot.nlu.clinical.dates import find_dates
from bot.nlu.clinical.dictation import rewrite
from bot.nlu.clinical.lexicon import CUE_GROUPS, LEXICON_FOLDER, Lexicon
from bot.nlu.clinical.note import Mention, Note, overlap
from bot.nlu.clinical.readers.age import birth_year
from bot.nlu.clinical.readers.allergies import read_allergies
from bot.nlu.clinical.readers.common import give_dates
from bot.nlu.clinical.readers.illness import read_illness
from bot.nlu.clinical.readers.infection import read_infection
from bot.nlu.clinical.readers.measures import measures
from bot.nlu.clinical.readers.molecular import read_molecular
from bot.nlu.clinical.readers.operations import read_operations
from bot.nlu.clinical.readers.organs import read_organs
from bot.nlu.clinical.readers.participation import read_participation
from bot.nlu.clinical.readers.person import read_person
from bot.nlu.clinical.readers.sex import stated_sex
from bot.nlu.clinical.readers.staging import tnm
from bot.nlu.clinical.readers.treatment import read_treatment
from bot.nlu.clinical.readers.tumour import read_tumour
from bot.nlu.clinical.sections import lay_out, split_sentences
from bot.nlu.clinical.wards import other_patients
from bot.nlu.tokenizer import ClinicalTokenizer, Piece
from bot.trial.facts import Finding

READERS: tuple[Callable[[Note], Iterator[Finding]], ...] = (
    read_person,
    read_tumour,
    read_molecular,
    read_treatment,
    read_participation,
    read_operations,
    read_organs,
    read_allergies,
    read_illness,
    read_infection,
)
#: Groups of mentions that a date can belong to.
DATED = [
    "treatment",
    "operation",
    "minor_operation",
    "stoma",
    "malignancy",
    "autoimmune",
    "cardiovascular",
    "transplant",
    "trial",
    "vaccine",
    "consent",
    "hepatitis",
    "infection_serious",
    "infection_chest",
    "infection_hiv",
    "lung",
    "fertility",
    "scan",
    "obstruction",
    "course",
    "msi",
    "mmr",
    "method",
    "stent",
    "immunosuppressant",
    "cancer_state",
    "minor_treatment",
    "transplant_donor",
    "pregnancy",
    "lactation",
    "infection_minor",
    "visit",
    "emergency",
    "histology",
    "replacement",
    "never_treated",
    "cardiovascular_minor",
]


class ClinicalMatcher:
    """Pipe: finds lexicon concepts and cues and lays the note out."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon

    def __call__(self, doc: Doc) -> Doc:
        tokens = doc.user_data["tokens"]
        note = Note(doc.user_data["note"], tokens, [token.text for token in doc], doc.user_data["today"])
        sentences = split_sentences(tokens, note.norms)
        matches = self.lexicon.matches(doc, {first for first, _ in sentences})
        targets = _token_spans(tokens, doc.user_data.get("targets", ()))
        inside = {i for start, end in targets for i in range(start, end) if end - start > 1} | {
            i
            for match in matches
            if match.concept.group not in CUE_GROUPS
            for i in range(match.start, match.end)
            if i > match.start or match.end - match.start > 1
        }
        note.layout = lay_out(tokens, note.norms, sentences, inside)
        for match in matches:
            concept = match.concept
            mention = Mention(
                concept.name,
                concept.group,
                dict(concept.attributes),
                match.start,
                match.end,
                note.layout.segment_of[match.start],
            )
            if not any(overlap((match.start, match.end), [given]) for given in targets):
                (note.cues if concept.group in CUE_GROUPS else note.mentions).append(mention)
        note.mentions += [
            Mention("given", "given", {}, start, end, note.layout.segment_of[start]) for start, end in targets
        ]
        doc.user_data["reading"] = note
        return doc


def _token_spans(tokens: Sequence[Piece], targets: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Character ranges as token ranges; a range that holds no token is left out."""
    spans = []
    for begin, end in targets:
        inside = [i for i, token in enumerate(tokens) if token.start < end and begin < token.end]
        if inside:
            spans.append((inside[0], inside[-1] + 1))
    return spans


def clinical_context(doc: Doc) -> Doc:
    """Pipe: dates, values that stand for themselves, and the context of every mention."""
    note: Note = doc.user_data["reading"]
    if not note.norms:
        return doc
    note.dates = find_dates(note)
    year = birth_year(note)
    if year is not None and any(
        word in note.norms
        for word in ("age", "aged", "at", "when", "twenties", "thirties", "forties", "fifties", "sixties", "seventies")
    ):
        note.dates = find_dates(note, year)
    for start, end in list(_self_stated(note)):
        note.mentions.append(Mention("measure", "measure", {}, start, end, note.layout.segment_of[start]))
    note.mentions.sort(key=lambda mention: mention.start)
    apply_context(note)
    _other_pronoun(note)
    give_dates(note, DATED)
    return doc


_PRONOUNS = {"M": frozenset({"she"}), "F": frozenset({"he"})}


def _other_pronoun(note: Note) -> None:
    """'His mother's crucifix - she has lupus': in a man's note, what a 'she' has is somebody else's."""
    if not any(cue.group == "kin" for cue in note.cues) or not {"he", "she"} <= set(note.norms):
        return
    sex = stated_sex(note)
    for i, word in enumerate(note.norms):
        if word in _PRONOUNS.get(sex, ()) and note.norms[i + 1 : i + 2] and note.norms[i + 1] in _HAS:
            last = note.clause(i)[1]
            for mention in note.in_sentence(note.layout.sentence_of(i)):
                if i < mention.start < last and mention.is_patient:
                    mention.experiencer = "family"


_HAS = frozenset({"has", "had", "is", "was", "suffers", "suffered", "takes", "took", "got", "developed", "underwent"})
_SCORES = re.compile(
    r"(?<!\S)(?:ecog|ps|who|karnofsky|kps|performance status)(?: (?:ps|:|is|of|score|status|performance))* [0-9]"
)


def _self_stated(note: Note) -> Iterator[tuple[int, int]]:
    for start, end, _, _ in measures(note):
        yield start, end
    at = {token.start: i for i, token in enumerate(note.tokens)}
    for found in tnm(note):
        if found.evidence.start in at:
            start = at[found.evidence.start]
            yield start, start + 1
    for _, start, end in note.find(_SCORES):
        yield start, end


def clinical_findings(doc: Doc) -> Doc:
    """Pipe: lets every topic reader speak; the findings are in ``doc.user_data["findings"]``."""
    note: Note = doc.user_data["reading"]
    found: list[Finding] = []
    if note.norms:
        for read in READERS:
            found += read(note)
    elsewhere = [(note.tokens[first].start, note.tokens[last - 1].end) for first, last in other_patients(note)]
    doc.user_data["findings"] = tuple(
        f
        for f in found
        if f.evidence.start is None or not any(first <= f.evidence.start < last for first, last in elsewhere)
    )
    return doc


def register_factories() -> None:
    """Registers the pipes with spaCy, so that `nlp.add_pipe("clinical_matcher")` and the others work anywhere."""
    if not Language.has_factory("clinical_matcher"):
        # spaCy resolves a factory's annotations itself and knows no postponed ones.
        _make_matcher.__annotations__ = {"nlp": Language, "name": str, "folder": str, "return": ClinicalMatcher}
        Language.factory("clinical_matcher", default_config={"folder": str(LEXICON_FOLDER)}, func=_make_matcher)
        Language.component("clinical_context", func=clinical_context)
        Language.component("clinical_findings", func=clinical_findings)


def _make_matcher(nlp: Language, name: str, folder: str) -> ClinicalMatcher:
    return ClinicalMatcher(Lexicon.load(nlp.vocab, Path(folder)))


class ClinicalReader:
    """Reads clinical text into findings. Make one with :meth:`load` and keep it: loading takes a second."""

    def __init__(self, nlp: Language) -> None:
        self._nlp = nlp

    @classmethod
    def load(cls, folder: Path = LEXICON_FOLDER) -> ClinicalReader:
        """Builds the pipeline from the lexicon files.

        Raises:
            LexiconError: a lexicon file is not in its form.
        """
        register_factories()
        nlp = spacy.blank("en")
        nlp.max_length = 10_000_000
        matcher = nlp.add_pipe("clinical_matcher", config={"folder": str(folder)})
        assert isinstance(matcher, ClinicalMatcher)
        nlp.tokenizer = ClinicalTokenizer(nlp.vocab, matcher.lexicon.speller, rewrite)
        nlp.add_pipe("clinical_context")
        nlp.add_pipe("clinical_findings")
        return cls(nlp)

    def note(self, text: str, today: date, targets: Sequence[tuple[int, int]] = ()) -> Note:
        """The note with its mentions and context; `targets` are character ranges to take as mentions besides."""
        return self._doc(text, today, targets).user_data["reading"]  # type: ignore[no-any-return]

    def read(self, text: str, today: date) -> tuple[Finding, ...]:
        """All findings of a text; dates are taken against `today`. Any string is accepted."""
        return self._doc(text, today).user_data["findings"]  # type: ignore[no-any-return]

    def looks_like_note(self, text: str, findings: Sequence[Finding] | None = None) -> bool:
        """Whether a chat message is a pasted note or shorthand about a patient ('58M, ECOG 1, cT3N1M0', 'MSI-H on PCR').

        An ordinary question ('what are the age limits') and a patient's own words ('I have a fever') are not.

        Args:
            findings: what :meth:`read` found in it, where it has been read already.
        """
        # No day decides the form of a text.
        return looks_like_note(text, self.read(text, date(2000, 1, 1)) if findings is None else findings)

    def _doc(self, text: str, today: date, targets: Sequence[tuple[int, int]] = ()) -> Doc:
        doc = self._nlp.make_doc(text)
        doc.user_data["today"] = today
        doc.user_data["targets"] = targets
        for _, pipe in self._nlp.pipeline:
            doc = pipe(doc)
        return doc
