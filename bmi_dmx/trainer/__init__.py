"""Offline training, evaluation and pictures; nothing of it is needed in operation."""
