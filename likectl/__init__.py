"""What an operator does with a deployed stack, in one command. Not in the functions' packages."""
