"""Student's t distribution: the quantiles that intervals of few values need."""

from __future__ import annotations

import math

_ROUNDS = 200
"""Terms of the continued fraction, and steps to the inverse; far fewer are needed."""

_TINY = 1e-300
_ENOUGH = 1e-14


def quantile(probability: float, freedom: float) -> float:
    """The value that a t variable with `freedom` degrees of freedom is below so often.

    Good to 8 digits up to a million degrees. The distribution is NIST's Handbook of Mathematical
    Functions 8.17 (the regularized incomplete beta function). Its inverse is found by Newton's
    rule from 0 up, which never steps too far, as the density falls.

    Args:
        probability: from 0.5 up to, but not, 1.
        freedom: degrees of freedom, above 0; need not be whole.
    """
    tail = 2 * (1 - probability)  # both sides
    t = 0.0
    for _ in range(_ROUNDS):
        step = (_tails(t, freedom) - tail) / (2 * _density(t, freedom))
        t += step
        if abs(step) <= _ENOUGH * t:
            break
    return t


def _density(t: float, freedom: float) -> float:
    scale = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)
    shape = (freedom + 1) / 2 * math.log1p(t * t / freedom)
    return math.exp(scale - shape) / math.sqrt(freedom * math.pi)


def _tails(t: float, freedom: float) -> float:
    """How often a t variable is further from 0 than `t`."""
    return _beta(freedom / (freedom + t * t), freedom / 2, 0.5)


def _beta(x: float, a: float, b: float) -> float:
    """The regularized incomplete beta function I_x(a, b), 8.17.22 of the Handbook."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta(1 - x, b, a)
    scale = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    front = math.exp(scale + a * math.log(x) + b * math.log1p(-x)) / a
    return front / _fraction(x, a, b)


def _fraction(x: float, a: float, b: float) -> float:
    """Its continued fraction, by the method of Lentz."""
    total = above = 1.0
    below = 0.0
    for number in range(1, _ROUNDS):
        half, odd = divmod(number, 2)
        if odd:
            term = -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
        else:
            term = half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))
        below = 1 / ((1 + term * below) or _TINY)
        above = (1 + term / above) or _TINY
        total *= above * below
        if abs(above * below - 1) < _ENOUGH:
            break
    return total
