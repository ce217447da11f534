"""Finding better settings: a search by trials, a learning rate, the largest batch."""
