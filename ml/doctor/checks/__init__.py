"""What the doctor looks for, one module each."""
