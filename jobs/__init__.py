"""The Flink job, in flow order: source, parse, detect, fan out; and the same steps without Flink."""
