"""Stands for the package wandb where `tracker run --as-wandb` started Python."""

from tracker.wandb.switch import turn

turn()
