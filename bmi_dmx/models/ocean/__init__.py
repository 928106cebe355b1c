"""Oceans: their surface, and what lies below it."""
