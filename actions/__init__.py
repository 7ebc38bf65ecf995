"""Rasa custom actions: read what was asked and who asks, ask `bot.trial` and `bot.enrollment`, hand back one answer."""
