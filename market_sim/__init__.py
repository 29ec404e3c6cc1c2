"""A market you can take apart."""
