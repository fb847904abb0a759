"""Claimer: takes due messages under a lease and hands them on in batches."""
