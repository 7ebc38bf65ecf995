"""How a question is read: what it names (lexicons), where one ends and the next begins, and which one it is."""
