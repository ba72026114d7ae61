"""Progress: each learner's results, remaining work and deadlines."""
