"""Assimilation while a model is stepped: settings, disturbances, analyses."""
