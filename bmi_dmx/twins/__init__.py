"""Twin experiments at the command line: filters tried on systems that are known."""
