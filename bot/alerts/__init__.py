"""Telling the team: the line of outlets, when the next one is told, and the sending of what waits in the outbox."""
