"""How thick the specimen is, by several ways, and whether the spectrum contradicts it."""
