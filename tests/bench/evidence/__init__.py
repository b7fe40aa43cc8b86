"""What experiments say of liquids, and of what is said of liquids: `make evidence`."""
