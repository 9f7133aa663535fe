"""What one thing explains many breaks: each module looks for one cause and states its evidence.

A cause is a hint for the person who looks, so it is named only where the evidence is strong: at
least two breaks of one pattern, or one that cannot be chance, and nothing that speaks against it.
The rules and their limits are in docs/concepts/causes.md.
"""
