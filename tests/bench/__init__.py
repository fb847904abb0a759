"""The benchmark: `make bench` measures what design targets name, each next to what the machine could do at all."""
