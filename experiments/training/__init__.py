"""Training: PPO in one file, other trainers on our environments, and the nano's, with what it is judged on."""
