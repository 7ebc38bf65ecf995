"""The one spaCy pipeline of the assistant, as an object and as a folder that Rasa's `SpacyNLP` loads."""

from __future__ import annotations

import shutil
from pathlib import Path

import spacy
from spacy.language import Language

from bot.nlu.questions.pipe import QUESTION_MENTIONS

#: Where `config.yml` looks for the folder, from the root of the checkout.
MODEL_FOLDER = Path("models") / "spacy"


def build_pipeline() -> Language:
    """The pipeline with all its pipes; importing this module registers their factories."""
    nlp = spacy.blank("en")
    nlp.add_pipe(QUESTION_MENTIONS)
    nlp.meta["name"] = "sparc"
    return nlp


def save_pipeline(path: Path = MODEL_FOLDER) -> Path:
    """Write the pipeline as a folder, in place of an older one; returns the folder."""
    fresh = path.with_name(path.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.parent.mkdir(parents=True, exist_ok=True)
    build_pipeline().to_disk(fresh)
    shutil.rmtree(path, ignore_errors=True)
    fresh.rename(path)
    return path
