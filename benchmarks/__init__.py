"""Benchmarks: what a sync takes, beside what a loop written by hand takes."""
