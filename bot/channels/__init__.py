"""How chat gets in and out; the only place where it is decided who is speaking."""
