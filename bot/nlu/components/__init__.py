"""Rasa graph components: the only modules of `bot.nlu` that import Rasa."""
