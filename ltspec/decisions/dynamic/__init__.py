"""Takes a network in training; gives it another mask: gradual pruning, SET and RigL.

:mod:`.schedule` says when and how many, without numpy; :mod:`.update` says which.
"""
