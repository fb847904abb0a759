"""What a process starts from: its settings, its logs, and who it is among its siblings."""
