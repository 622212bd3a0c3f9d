"""What the errors of a composition are made of."""
