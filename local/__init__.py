"""The service on one machine: what stands for AWS and for AIsa in development and tests. Never deployed."""
