"""Many trainings for one question: what is held out, of which models, how often."""
