"""Neural networks that supply parameters."""
