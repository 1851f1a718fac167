"""Scripts that run the environments and agents and leave metrics, tables, figures and recordings."""
