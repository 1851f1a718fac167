"""Training in orbit: satellites that learn from what they fly, and what that costs them.

`networks` and `local` train, `experience` keeps, `price` and `charging` charge, `mesh` and `passes` carry,
`compression` shrinks, `rules` aggregate, `crew` flies all of it; `differences` says how unlike the
satellites' experience is.
"""
