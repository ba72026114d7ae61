"""The five services, one package each."""
