"""Neural networks, and the normalisation of what they read."""
