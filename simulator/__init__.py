"""The plant, simulated and steered live, and recordings of it, replayed as live streams."""
