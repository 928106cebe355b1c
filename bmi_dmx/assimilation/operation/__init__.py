"""Assimilation while a model is stepped: its settings, what disturbs, what is learned."""
