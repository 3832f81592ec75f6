"""The vocabulary that every room of tepwatch shares: tags, records, wire, schema, settings."""
