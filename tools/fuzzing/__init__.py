"""Fuzzing of every reader with damaged and hostile files; ``tools/fuzz.py`` runs it."""
