"""Topic readers: each takes a note with its mentions and context and yields findings."""
