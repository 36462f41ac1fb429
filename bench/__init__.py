"""``make bench``: how fast and how small the functions are, beside what others would build, all in one run."""
