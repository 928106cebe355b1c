"""Pictures: how all of them look, and the course of a training.

The format follows the suffix of the path (png, pdf, svg). Nothing is shown on a screen
and matplotlib's state of the process stays as it was.
"""

from .training import training_curve

__all__ = ["training_curve"]
