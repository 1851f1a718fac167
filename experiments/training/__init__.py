"""Training: PPO in one file, trainers of others on our environments, and the nano's."""
