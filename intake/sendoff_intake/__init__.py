"""How a message comes in, whichever door it takes: validate, render, store once, commit together."""
