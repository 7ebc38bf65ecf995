"""The training examples of `data/nlu`, read without Rasa."""

from __future__ import annotations

from pathlib import Path

from ruamel.yaml import YAML

#: The training data of this checkout.
DATA_FOLDER = Path(__file__).parents[3] / "data" / "nlu"


class ExamplesError(ValueError):
    """A data file that is not in Rasa's format; the message names it."""


def load_examples(folder: Path = DATA_FOLDER) -> list[tuple[str, str]]:
    """All (text, intent) examples under a folder, files in the order of their names.

    Raises:
        ExamplesError: there are none, or a file holds something else than intents with examples.
    """
    examples: list[tuple[str, str]] = []
    for path in sorted(folder.rglob("*.yml")):
        document = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
        try:
            for entry in document["nlu"]:
                if "intent" in entry:
                    lines = entry["examples"].splitlines()
                    examples += [(line[2:].strip(), entry["intent"]) for line in lines if line.startswith("- ")]
        except (KeyError, TypeError, AttributeError) as error:
            raise ExamplesError(f"{path}: expected a list 'nlu' of intents with examples ({error!r})") from None
    if not examples:
        raise ExamplesError(f"{folder}: expected training examples, found none")
    return examples
