"""What tasks on streamflow share: losses, scores, periods, files and pictures."""
