"""The detectors, on numpy arrays; they know neither Flink nor AWS."""
