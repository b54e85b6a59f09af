"""The same streams as others would read them, each written in the way of its own tool, to compare with."""
