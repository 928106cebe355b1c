"""Measurements of speed and memory, run by ``dmx bench``."""
