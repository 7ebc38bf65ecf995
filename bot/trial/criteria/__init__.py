"""The 27 criteria as three-valued rules over findings."""
