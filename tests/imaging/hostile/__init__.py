"""Archives that misbehave, for tests: over HTTP (web), over DIMSE (links), and in files (files).

A trick is a small function that answers one request in a bad way; a fake archive plays the tricks
it is given and is well behaved in everything else.
"""
