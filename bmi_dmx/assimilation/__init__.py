"""Forecasts and observations brought together: filters, localisation, scores. NumPy."""
