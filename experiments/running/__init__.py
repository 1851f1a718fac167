"""Episodes that are played, kept in a folder, summed up and shown."""
