"""The worker on a Ray cluster: a driver with the interface of a single worker, and one or more actors per agent.

An actor runs the same service as a single worker. Only the actors import PyTorch.
"""
