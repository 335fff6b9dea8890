"""The worker on a Ray cluster: a driver with the protocol of a single worker, and one or more actors per agent.

An actor runs an ordinary worker's service. Only the actors import PyTorch.
"""
