"""The shipped evidence, as data files; a package only so that an install carries it."""
