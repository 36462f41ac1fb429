"""Likes tweets for their owner, on request, through the AIsa gateway."""
