"""A process that Lava lacks, alone in this folder: Lava runs every file beside a module that defines a process."""
