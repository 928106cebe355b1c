"""The report of a run: one page that opens anywhere, to be clicked through."""
