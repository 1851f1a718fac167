"""Training: a single-file PPO of our own (`ppo`), what it leaves behind, and other trainers on our environments."""
