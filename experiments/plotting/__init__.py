"""Figures of recordings and tables."""
