"""`sendoff doctor`: looks at everything that Sendoff needs, and says what to do about what is wrong."""
