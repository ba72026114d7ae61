"""What a request carries, for everything below the edge."""
