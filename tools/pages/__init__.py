"""What the docs site is made of beside docs/: pages from declarations, globes from short runs."""
