"""Tools as functions: each module's ``main`` takes a command line; ``tools/*.py`` call them."""
