"""A local Snov.io: a small server with a seeded account, for tests, the demo and benchmarks."""
