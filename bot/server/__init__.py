"""The chat server: Rasa's agent behind our own channels, started without what it does not need."""
