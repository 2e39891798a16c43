"""Findings and the manifest: form, write, sign, verify, export, redact, compare; what was never looked at."""
