"""Rivers at the command line: what their files hold, and inflow routed down them."""
