"""Kinds of what files hold, in every reader: squares of one table."""
