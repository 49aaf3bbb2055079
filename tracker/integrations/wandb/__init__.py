"""Weights & Biases: its transaction logs and the run folders around them."""
