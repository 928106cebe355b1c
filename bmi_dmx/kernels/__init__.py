"""Programs printed as C, compiled, cached on disk and called; without PyTorch."""
