"""Other people's formats, a file each: what is read becomes ours, and what is written needs nothing of ours."""
