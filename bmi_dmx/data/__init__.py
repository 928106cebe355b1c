"""The one door for files: times, names, missing values, tables, units of what is read.

Readers of every kind of file are made of the same small pieces, so that a thing is
understood, assumed, repaired or refused alike wherever it is met.
"""
