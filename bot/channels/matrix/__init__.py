"""The Matrix channel: an application service of the hospital's homeserver. See docs/matrix.md."""
