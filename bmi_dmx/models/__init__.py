"""Processes, networks and the models composed of them, by domain."""
