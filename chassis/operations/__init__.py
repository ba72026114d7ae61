"""What operators see and set: settings, metrics, logs, traces, probes."""
