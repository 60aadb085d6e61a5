"""From this folder to a stack on AWS."""
