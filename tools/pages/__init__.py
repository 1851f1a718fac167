"""What the docs site is made of beside the files of docs/: pages from declarations, globes from short runs."""
