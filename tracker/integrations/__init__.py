"""Other tools: what they recorded taken in, and what we recorded given out in their form."""
