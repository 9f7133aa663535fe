"""A twin of the four providers: a loopback server that answers as they do, from one world.

Shapes are those of the installed SDKs' own models; behaviour was never observed on a real account.
"""
