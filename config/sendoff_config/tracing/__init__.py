"""The numbers of a process, and how those of all processes of an instance come together for Prometheus."""
