"""Benchmarks: ratios against a raw baseline or a peer, taken side by side in one run.

What lives here: `make bench` and what it measures. What does not: tests (nothing here passes or fails).
"""
