"""Long work on many messages, as durable jobs: made, listed, commanded, and done step by step."""
