"""The commands: each reads what it needs of the stack, does its work and says what came of it."""
