"""Files written whole, progress, versions, HyperSpy kept quiet."""
