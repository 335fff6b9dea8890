"""The worker on a Ray cluster: a driver with a single worker's wire protocol, and one or more actors per agent.

An actor runs the same service as a single worker. Only the actors import PyTorch.
"""
