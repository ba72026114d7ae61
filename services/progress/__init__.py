"""What each learner did, has yet to do, and by when."""
