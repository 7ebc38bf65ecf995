"""Collects one answer: text, card and buttons of a message stay together."""

from __future__ import annotations

from typing import Any

from rasa.core.channels.channel import OutputChannel


class AnswerCollector(OutputChannel):  # type: ignore[misc]
    """An output channel that keeps what the bot says as the contract's messages.

    Rasa's own collector tears a message into text and custom, and splits the text at blank lines.
    """

    def __init__(self, recipient: str) -> None:
        self._recipient = recipient
        self.messages: list[dict[str, Any]] = []

    @classmethod
    def name(cls) -> str:
        """The channel's name in Rasa's events."""
        return "hospital"

    async def send_response(self, recipient_id: str, message: dict[str, Any]) -> None:
        """Keeps one message; fields that hold nothing are left out."""
        kept = {key: message[key] for key in ("text", "custom", "buttons", "image", "attachment") if message.get(key)}
        if kept.get("attachment") == kept.get("image"):
            kept.pop("attachment", None)  # Rasa repeats an image as an attachment
        self.messages.append({"recipient_id": self._recipient, **kept})

    def answer(self) -> list[dict[str, Any]]:
        """What was said.

        Raises:
            RuntimeError: nothing was, or not in the contract's form.
        """
        if not self.messages or "custom" not in self.messages[0]:
            raise RuntimeError("no answer came back")
        return self.messages
