"""`make interchange`: networks of others, read and deployed, beside what they did in their source."""
