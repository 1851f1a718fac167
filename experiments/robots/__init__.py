"""Robots on the ground whose mind is elsewhere: the loop through a world or a data centre, or on board."""
