"""Rivers for people at the command line: what their files hold."""
