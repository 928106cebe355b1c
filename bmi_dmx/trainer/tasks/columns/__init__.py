"""Columns of the ocean, learned from free runs under the weather there was."""
