"""A network as the code of other tools would say it, and what its tensors are called there."""
