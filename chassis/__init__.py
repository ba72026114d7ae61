"""What two or more services need and that names no thing of a university."""
