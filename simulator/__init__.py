"""Where plant data come from: for now recordings, replayed as live streams."""
