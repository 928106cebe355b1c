"""Bundles run over files of forcing: streamed, and resumed where a run stopped."""
