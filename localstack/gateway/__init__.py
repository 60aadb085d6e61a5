"""API Gateway and Lambda without Docker. Runs in the environment of aws-sam-cli, whose emulator it is built on."""
