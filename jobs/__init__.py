"""The job in flow order: source, parse, detect, fan out; on Flink and without."""
