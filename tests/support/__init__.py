"""What the tests share: servers, receivers, waiting."""
