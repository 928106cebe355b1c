"""Demonstrations, ``dmx demo``: from data to a model stepped through BMI."""
