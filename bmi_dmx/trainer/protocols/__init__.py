"""Many trainings that answer one question: what is held out, with which models, how often."""
