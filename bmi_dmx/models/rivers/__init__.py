"""Rivers: water on its way through the reaches of a tree.

Importing this package does not load PyTorch; the processes in its modules do.
"""
