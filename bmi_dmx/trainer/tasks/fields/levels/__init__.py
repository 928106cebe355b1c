"""Oceans and other fields on levels, streamed from files, with forcing of their own."""
