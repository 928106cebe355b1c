"""Files of what gauges of rivers observe, read for assimilation."""
