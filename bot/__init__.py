"""SPARC Assistant: answers patients and staff of trial NCT05576480 in the hospital's chat."""
