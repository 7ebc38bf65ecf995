"""Rasa's own connectors behind our identity and guard, by configuration. See docs/connectors.md."""
