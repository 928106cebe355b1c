"""The report of a run: one page that opens anywhere, to look at and to click through."""
