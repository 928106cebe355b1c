"""Files that oceans are read from."""
