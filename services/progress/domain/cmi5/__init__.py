"""cmi5 (AICC, first edition): launching content, the rules of its sessions, and moveOn."""
