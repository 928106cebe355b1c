"""Series of any system, from a file or a function, learned by their squared error."""
