"""What the protocol says: pure functions over plain typed values. No I/O but the protocol file, no clock, no Rasa."""
