"""Do two runs agree, register by register, and if not, where and why."""
