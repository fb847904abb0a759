"""What every process knows of a customer, and how its webhook is called."""
