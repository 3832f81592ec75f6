"""Off-line studies: rival methods, and the protocol of the published benchmark."""
