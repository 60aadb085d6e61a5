"""What photos look like on the wire: which format they are of, and what their headers say before they are decoded."""
