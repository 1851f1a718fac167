"""Studies, each a question with a table and a figure for an answer."""
