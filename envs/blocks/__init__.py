"""The blocks that the shipped decision problems are made of; see `envs.block`."""
