"""Meeting providers: what the platform asks of each, and the adapters."""
