"""The nano's training, and what it is judged on."""
