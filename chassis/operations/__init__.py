"""The operators' side: settings, metrics, logs, traces, probes."""
