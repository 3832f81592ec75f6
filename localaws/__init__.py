"""AWS on this machine: ministack in a process of its own, with bounds and repairs, and Flink."""
