"""Damaged and hostile files for every reader, and what the readers make of them; ``tools/fuzz.py`` runs it."""
