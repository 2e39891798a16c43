"""The only room that decodes: sniffing, and hostile bytes to pixels."""
