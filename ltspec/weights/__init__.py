"""Weights out of a safetensors file, under whose names they may be: what a network begins with."""
