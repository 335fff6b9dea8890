"""The worker on a Ray cluster: one front that speaks the same protocol as a worker of one machine, and one
actor per agent behind it, which holds an ordinary worker's models. Only the actors import PyTorch.
"""
