"""Robots on the ground whose mind is elsewhere: the loop through a world, through a data centre, or on board."""
