"""Jobs go on in the workers, whether the fleet runs or is stopped."""
