"""What a webhook has to answer for its message to count as delivered."""
