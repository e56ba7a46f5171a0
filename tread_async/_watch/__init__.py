"""Polling that runs for months: when to poll, what is known by it, and who reads along."""
