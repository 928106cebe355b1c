"""Rivers: reaches that drain into each other, and how water moves along them."""
