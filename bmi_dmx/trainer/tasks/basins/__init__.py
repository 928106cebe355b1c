"""Streamflow of river basins, learned from their weather and attributes."""
