"""DeadLetterer: buries what can't be delivered, and cleans up what is old."""
