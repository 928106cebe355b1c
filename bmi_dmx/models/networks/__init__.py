"""Neural networks that supply parameters and corrections."""
